/** Name and version of what `--json` prints; the version grows when a field changes its meaning or goes. */
export const schemaName = 'dsopt.report/1';
