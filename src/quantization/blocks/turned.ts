// Values of a matrix with rows and columns exchanged.
/** The transpose of `values` [rows, columns]. */
export function turned<Elements extends Float32Array | Uint8Array>(values: Elements, columns: number): Elements {
  const rows = values.length / columns;
  const result = values.slice() as Elements;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
