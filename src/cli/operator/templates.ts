// `dragonfly templates`: what can be installed.
import type { Client } from '../../client/client.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { diffOf } from '../../core/text/line-diff.ts';
import { readNamedFile } from '../../core/files/named-file.ts';
import type { Template } from '../../model/documents/template.ts';
import { command, type Io } from '../command.ts';
import { asData, formatOptions } from '../formats.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { outputOptions, printDocument, printList, type Shape } from './output.ts';
import { machineNamed } from './machines/selection.ts';

const template = { template: { names: 'templates', describe: 'its name' } } as const;

const shape: Shape<Template> = {
  columns: {
    NAME: ({ metadata }) => metadata.name,
    ACTIONS: ({ spec }) => spec.actions.map(({ action }) => action).join(','),
    SECONDS: ({ spec }) => (spec.timeout == null ? null : String(spec.timeout)),
  },
  name: ({ metadata }) => metadata.name,
};

const list = command({
  name: 'templates list',
  describe: 'list templates',
  examples: ['templates list'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printList(io, args, await client.templates.list().toArray(), shape);
      return 0;
    }),
});

const get = command({
  name: 'templates get',
  describe: 'print a template; with --machine as that machine would get it, secrets masked',
  examples: ['templates get debian-cloud', 'templates get debian-cloud --machine node-7'],
  positionals: template,
  options: {
    machine: {
      type: 'string',
      value: 'MACHINE',
      names: 'machines',
      describe: 'fill in its variables for this machine',
    },
    ...outputOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const found =
        args.machine === undefined
          ? (await client.templates.get(args.template)).value
          : await client.templates.render(
              args.template,
              (await machineNamed(client, args.machine)).id,
            );
      await printDocument(io, args, found);
      return 0;
    }),
});

const templateFile = {
  file: { value: 'FILE', describe: 'the template in YAML or JSON; "-": standard input' },
} as const;

const apply = command({
  name: 'templates apply',
  describe: 'create or replace a template',
  examples: ['templates apply debian-cloud.yaml', 'templates apply - --dry-run'],
  positionals: templateFile,
  options: {
    'dry-run': { type: 'boolean', describe: 'only have the server check it' },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const document = await readTemplate(args.file, io);
      const isTrial = args['dry-run'];
      if (isTrial) await client.templates.try(document);
      else await client.templates.put(document);
      io.print(`template ${document.metadata.name} ${isTrial ? 'would be ' : ''}stored\n`);
      return 0;
    }),
});

/** In front of each line of a difference, as in `diff -u`. */
const signs = { same: ' ', removed: '-', added: '+', 'left out': '…' } as const;

const diff = command({
  name: 'templates diff',
  describe: 'print what "templates apply" would change; exits with 1 if there is something',
  examples: ['templates diff debian-cloud.yaml'],
  positionals: templateFile,
  options: { ...formatOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const document = await readTemplate(args.file, io);
      const { template: wanted } = await client.templates.try(document);
      const stored = await storedTemplate(client, document.metadata.name);
      const { stringify } = await import('yaml');
      const write = (one: Template): string => stringify(one, { aliasDuplicateObjects: false });
      const [before, after] = [stored === undefined ? '' : write(stored), write(wanted)];
      const lines = before === after ? [] : diffOf(before, after);
      const text = lines.map((line) => `${signs[line.kind]}${line.text}\n`).join('');
      io.print((await asData(args, lines)) ?? text);
      return lines.length === 0 ? 0 : 1;
    }),
});

/** Undefined where there is none of that name. */
async function storedTemplate(client: Client, name: string): Promise<Template | undefined> {
  try {
    return (await client.templates.get(name)).value;
  } catch (err) {
    if (isAppError(err, 'template.unknown')) return undefined;
    throw err;
  }
}

const remove = command({
  name: 'templates delete',
  describe: 'delete a template that no machine is assigned',
  examples: ['templates delete debian-cloud'],
  positionals: template,
  options: {
    force: {
      type: 'boolean',
      describe: 'delete it although machines have it: they keep its name',
    },
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.templates.delete(args.template, { unused: !args.force });
      io.print(`template ${args.template} deleted\n`);
      return 0;
    }),
});

export const templateCommands = [list, get, diff, apply, remove];

/** The server checks it. Only the name is needed here. */
async function readTemplate(file: string, io: Io): Promise<Template> {
  const { parseYaml } = await import('../text/yaml.ts');
  try {
    const text = file === '-' ? await io.input() : readNamedFile(file);
    const found: unknown = parseYaml(text);
    const name: unknown = Object(Object(found).metadata).name;
    if (typeof name !== 'string') throw new Error('metadata.name is missing');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server refuses what is none
    return found as Template;
  } catch (cause) {
    throw new AppError('usage.invalid', `cannot use the template in ${file}`, { cause });
  }
}
