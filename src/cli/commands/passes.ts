// `dsopt passes`: the catalogue.
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';

export const passes: CommandModule<[], OutputOptions> = {
  configure() {},
  async run(_args, _options, { output }) {
    const { builtinPasses, optionsJsonSchema, schemaName } = await import('../../index.js');
    if (output.json) {
      output.printJson({
        schema: schemaName,
        command: 'passes',
        passes: builtinPasses.map((pass) => ({
          name: pass.name,
          kind: pass.kind,
          summary: pass.summary,
          needs: pass.needs,
          options: optionsJsonSchema(pass).properties,
        })),
      });
      return;
    }
    const width = Math.max(...builtinPasses.map(({ name }) => name.length));
    const { style } = output;
    for (const kind of new Set(builtinPasses.map((pass) => pass.kind))) {
      output.print(style.bold(kind));
      for (const pass of builtinPasses.filter((pass) => pass.kind === kind)) {
        output.print(`  ${style.cyan(pass.name.padEnd(width))}  ${pass.summary}`);
        if (!output.verbose) continue;
        for (const [name, { description = '', default: value }] of Object.entries(optionsJsonSchema(pass).properties)) {
          const suffix = value === undefined ? '' : ` (default: ${JSON.stringify(value)})`;
          output.print(style.dim(`  ${' '.repeat(width)}    ${name}: ${description}${suffix}`));
        }
      }
    }
    output.log('', 'In a recipe: steps: [{ pass: <name>, …options }]. Options: dsopt passes --verbose');
  },
};
