// Looks an operator up in a table by its name, which may be any word: `constructor` too, which every object has.

export function byOperator<Entry>(table: Readonly<Record<string, Entry>>, operator: string): Entry | undefined {
  return Object.hasOwn(table, operator) ? table[operator] : undefined;
}
