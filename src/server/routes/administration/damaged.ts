// Routes for records that cannot be read: which there are, how one is stored, and its removal.
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import { DamagedList, DamagedRaw } from '../../../model/api/administration/damaged.ts';
import type { App, Services } from '../../services.ts';
import { Done, errors } from '../route.ts';

const RecordParams = Type.Object({
  table: Type.String({ pattern: '^[a-z_]{1,40}$', description: 'such as machines' }),
  name: Type.String({ pattern: '^[^/]{1,300}$', description: 'the name after the table' }),
});

export function damagedRoutes(app: App, s: Services): void {
  app.get(
    '/api/damaged',
    {
      config: { access: 'full' },
      schema: {
        tags: ['damaged'],
        summary: 'Look at every record and list those that cannot be read, or were put aside',
        response: { 200: DamagedList, ...errors },
      },
    },
    async () => {
      const damaged: DamagedList['damaged'] = [];
      for await (const { record, error, aside } of s.store.damage.find()) {
        damaged.push({ record, code: 'store.damaged', error, aside });
        if (damaged.length === mostListed) break;
      }
      return { damaged };
    },
  );

  app.get(
    '/api/damaged/:table/:name',
    {
      config: { access: 'full' },
      schema: {
        tags: ['damaged'],
        summary: 'Get a record that cannot be read, as it is stored',
        params: RecordParams,
        response: { 200: DamagedRaw, ...errors },
      },
    },
    async (request) => {
      const record = recordOf(request.params);
      const found = await s.store.damage.get(record);
      if (found === undefined) throw unknown(record);
      const { error, aside, value } = found;
      return { record, code: 'store.damaged' as const, error, aside, value };
    },
  );

  app.delete(
    '/api/damaged/:table/:name',
    {
      config: { access: 'full' },
      schema: {
        tags: ['damaged'],
        summary: 'Delete a record that cannot be read, with the index entries that lead to it',
        params: RecordParams,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      const record = recordOf(request.params);
      if (!(await s.store.damage.delete(record))) throw unknown(record);
      return reply.code(204).send(null);
    },
  );
}

/** The most that one answer lists. */
const mostListed = 10_000;

function recordOf({ table, name }: { readonly table: string; readonly name: string }): string {
  return `${table}/${name}`;
}

function unknown(record: string): AppError {
  return new AppError('damaged.unknown', `there is no damaged record ${record}`, {
    details: { record },
  });
}
