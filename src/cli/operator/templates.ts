// `dragonfly templates`: what can be installed.
import { AppError } from '../../core/errors.ts';
import { readNamedFile } from '../../core/named-file.ts';
import type { Template } from '../../model/documents/template.ts';
import { command, type Io } from '../command.ts';
import { connectionOptions, withClient } from './connection/connection.ts';
import { outputOptions, printDocument, printList, type Shape } from './output.ts';
import { machineNamed } from './machines/selection.ts';

const template = { template: { describe: 'its name' } } as const;

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

const apply = command({
  name: 'templates apply',
  describe: 'create or replace a template',
  examples: ['templates apply debian-cloud.yaml'],
  positionals: {
    file: { value: 'FILE', describe: 'the template in YAML or JSON; "-": standard input' },
  },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const document = await readTemplate(args.file, io);
      await client.templates.put(document);
      io.print(`template ${document.metadata.name} stored\n`);
      return 0;
    }),
});

const remove = command({
  name: 'templates delete',
  describe: 'delete a template that no machine has',
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
      await client.templates.delete(args.template, { force: args.force });
      io.print(`template ${args.template} deleted\n`);
      return 0;
    }),
});

export const templateCommands = [list, get, apply, remove];

/** The server checks it. Only the name is needed here. */
async function readTemplate(file: string, io: Io): Promise<Template> {
  const { parse } = await import('yaml');
  try {
    const text = file === '-' ? await io.input() : readNamedFile(file);
    const found: unknown = parse(text, { schema: 'core' });
    const name: unknown = Object(Object(found).metadata).name;
    if (typeof name !== 'string') throw new Error('metadata.name is missing');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server refuses what is none
    return found as Template;
  } catch (cause) {
    throw new AppError('usage.invalid', `cannot use the template in ${file}`, { cause });
  }
}
