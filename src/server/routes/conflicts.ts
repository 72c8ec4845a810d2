// Conflict routes: operators list identity conflicts and decide them.
import { Type } from 'typebox';
import { AppError } from '../../core/errors.ts';
import { IdentityConflict } from '../../model/history.ts';
import { ConflictAccept, ConflictList } from '../../model/api/conflicts.ts';
import { Paging } from '../../model/api/request.ts';
import {
  acceptAddress,
  acceptConflict,
  reopenConflict,
  splitConflict,
} from '../machines/conflicts.ts';
import type { App, Services } from '../services.ts';
import { damagedOf, errors } from './route.ts';

const ConflictParams = Type.Object({ id: Type.String({ format: 'uuid' }) });

export function conflictRoutes(app: App, s: Services): void {
  app.get(
    '/api/conflicts',
    {
      config: { access: 'read' },
      schema: {
        tags: ['conflicts'],
        summary: 'List conflicts, oldest first; decided ones only with all=true',
        querystring: Type.Object(
          { all: Type.Optional(Type.Boolean()), ...Paging },
          { additionalProperties: false },
        ),
        response: { 200: ConflictList, ...errors },
      },
    },
    async (request) => {
      const { all = false, ...paging } = request.query;
      const page = await s.store.conflicts.list(paging);
      const conflicts = page.items.map((item) => item.value);
      return {
        conflicts: all ? conflicts : conflicts.filter((c) => c.resolution === null),
        ...damagedOf(page),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.post(
    '/api/conflicts/:id/accept',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['conflicts'],
        summary:
          'Decide that it is one of the candidates, and merge the two records; its own: one machine alone, let in at the refused addresses',
        params: ConflictParams,
        body: ConflictAccept,
        response: { 200: IdentityConflict, ...errors },
      },
    },
    (request) => {
      const id = request.params.id.toLowerCase();
      const { into, address } = request.body;
      if (into !== undefined && address !== undefined) throw bothNamed();
      return address === undefined
        ? acceptConflict(s, id, into?.toLowerCase())
        : acceptAddress(s, id, address);
    },
  );

  app.post(
    '/api/conflicts/:id/split',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['conflicts'],
        summary: 'Decide that it is a machine of its own; refused addresses stay refused',
        params: ConflictParams,
        response: { 200: IdentityConflict, ...errors },
      },
    },
    (request) => splitConflict(s, request.params.id.toLowerCase()),
  );

  app.post(
    '/api/conflicts/:id/reopen',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['conflicts'],
        summary: 'Take back a decision; a merge cannot be taken back',
        params: ConflictParams,
        response: { 200: IdentityConflict, ...errors },
      },
    },
    (request) => reopenConflict(s, request.params.id.toLowerCase()),
  );
}

function bothNamed(): AppError {
  return new AppError(
    'request.invalid',
    'body: name a candidate (into) or an address, not both: an address is about the own record of the machine',
    { details: { path: 'address', part: 'body' } },
  );
}
