export { type Fidelity, FidelityMeter } from './fidelity.js';
