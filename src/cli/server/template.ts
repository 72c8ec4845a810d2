// `dragonfly-server template examples`: the templates that come with the package.
import { command } from '../command.ts';
import { asData, formatOptions } from '../formats.ts';

export const template = command({
  name: 'template',
  describe: 'list the templates that come with the package, or print one as YAML',
  examples: ['template examples', 'template examples debian-cloud'],
  positionals: {
    action: { describe: 'what to do', choices: ['examples'] },
    name: { describe: 'print this one', isOptional: true },
  },
  options: formatOptions,
  async run({ name, ...args }, io) {
    const { readExample, readExamples } = await import('./examples.ts');
    const found = name === undefined ? readExamples() : [readExample(name)];
    const data = await asData(args, found);
    if (data !== undefined) io.print(data);
    else if (name === undefined) {
      const width = Math.max(...found.map((example) => example.name.length));
      for (const example of found) {
        io.print(`${example.name.padEnd(width)}  ${example.description}\n`);
      }
    } else io.print(found.map(({ text }) => text).join(''));
    return 0;
  },
});
