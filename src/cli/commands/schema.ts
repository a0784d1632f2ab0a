// `dsopt schema`: JSON Schemas, of recipes for editors and of reports for programs that read them.
import { Argument, type Command } from 'commander';
import type { CommandModule } from '../command-module.js';
import type { OutputOptions } from '../output.js';

export const schema: CommandModule<['recipe' | 'report'], OutputOptions> = {
  configure(command: Command) {
    command.addArgument(
      new Argument('[what]', 'recipe: what dsopt run reads; report: what --json prints')
        .choices(['recipe', 'report'])
        .default('recipe'),
    );
  },
  async run([what], _options, { output }) {
    if (what === 'report') {
      const { reportJsonSchema } = await import('../../report/schema/report-schema.js');
      output.printJson(reportJsonSchema());
    } else {
      const { builtinPasses, recipeJsonSchema } = await import('../../index.js');
      output.printJson(recipeJsonSchema(builtinPasses));
    }
  },
};
