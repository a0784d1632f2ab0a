export type { FidelityReport, NamedFidelity, VerificationOptions } from './verification.js';
export { verifyAgainst } from './verify.js';
