// Dense linear algebra in float64.
export {
  dampedCholesky,
  factorCholesky,
  invertPositiveDefinite,
  invertWithCholesky,
  solvePositiveDefinite,
  solveWithCholesky,
} from './cholesky.js';
export { type LeadingOptions, leadingEigen, type MultiplyMatrices } from './leading-eigen.js';
export { leadingSingularValues } from './leading-singular-values.js';
export {
  addToDiagonal,
  columnsOf,
  copyMatrix,
  createMatrix,
  frobeniusNorm,
  identityMatrix,
  type Matrix,
  matrixFrom,
  meanDiagonal,
  rowsOf,
  scaleColumns,
  scaleRows,
  transpose,
} from './matrix.js';
export {
  addGram,
  gramOfColumns,
  gramOfRows,
  mirrorLower,
  multiply,
  multiplyByTransposed,
  multiplyTransposed,
} from './product.js';
export { factorQr, type QrFactors } from './qr.js';
export { type SingularValues, singularValues } from './singular-values.js';
export { type SymmetricEigen, symmetricEigen, symmetricEigenvalues } from './symmetric-eigen.js';
export { invertLower, solveLower, solveLowerTransposed, solveUpper } from './triangular.js';
