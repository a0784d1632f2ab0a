// `dsopt passes`: the catalogue.
import type { Pass } from '../../pass/index.js';
import { schemaName } from '../../report/schema/schema-name.js';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';

export const passes: CommandModule<[], OutputOptions> = {
  configure() {},
  async run(_args, _options, { output }) {
    const { builtinPasses } = await import('../../index.js');
    const { optionsJsonSchema } = await import('../../recipe/index.js');
    const all: readonly Pass[] = builtinPasses;
    if (output.json) {
      output.printJson({
        schema: schemaName,
        command: 'passes',
        passes: all.map((pass) => ({
          name: pass.name,
          kind: pass.kind,
          summary: pass.summary,
          needs: pass.needs,
          options: optionsJsonSchema(pass).properties,
        })),
      });
      return;
    }
    const width = Math.max(...all.map(({ name }) => name.length));
    const { style } = output;
    for (const kind of new Set(all.map((pass) => pass.kind))) {
      output.print(style.bold(kind));
      for (const pass of all.filter((pass) => pass.kind === kind)) {
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
