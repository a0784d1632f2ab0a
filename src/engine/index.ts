export type { Engine, Feeds, ProfileEvent, Session, SessionOptions, ValueInfo } from './engine.js';
