export { worstOf } from './compare-runs.js';
export type { FidelityReport, NamedFidelity, VerificationOptions } from './verification.js';
export { verifyAgainst } from './verify.js';
