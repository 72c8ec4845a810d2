// Machine routes for operators: list, read, change, delete, history.
import { Type } from 'typebox';
import {
  BulkRequest,
  BulkResponse,
  Dialect,
  MachineCreate,
  MachineHistoryAnswer,
  MachineList,
  MachineListQuery,
  MachinePatch,
  MachineView,
} from '../../model/api/machines.ts';
import { isAppError } from '../../core/errors.ts';
import { ConflictList } from '../../model/api/conflicts.ts';
import { Paging } from '../../model/api/request.ts';
import { inDragonflysDialect } from '../../model/dragonfly.ts';
import type { Machine } from '../../model/machine.ts';
import type { Principal } from '../access/principal.ts';
import { isInside, refuseOutside, tagsOf } from '../access/inside.ts';
import { expectMachine } from '../checkin/expected.ts';
import { changeMany } from '../machines/bulk.ts';
import { deleteMachine, patchMachine } from '../machines/machine-changes.ts';
import { listMachines } from '../machines/machine-list.ts';
import { loadMachine, machineEtag, viewMachine } from '../machines/machines.ts';
import { loadShown } from '../machines/merged.ts';
import type { App, Services } from '../services.ts';
import { damagedOf, Done, errors, IdParams, IfMatch } from './route.ts';
import { serverSeen } from '../http/requests/addresses.ts';

export function machineRoutes(app: App, s: Services): void {
  app.get(
    '/api/machines',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary: 'List machines in order of registration, filtered and paged',
        querystring: MachineListQuery,
        response: { 200: MachineList, ...errors },
      },
    },
    async (request) => {
      const page = await listMachines(s, request.query, tagsOf(request.principal));
      const shown = page.machines.map((machine) => viewMachine(machine, s));
      return {
        machines:
          request.query.dialect === undefined
            ? shown
            : shown.map((machine) => inDragonflysDialect(machine)),
        ...damagedOf(page),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.post(
    '/api/machines',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['machines'],
        summary: 'Enter a machine that has not booted yet; its first check-in is matched with it',
        body: MachineCreate,
        response: { 201: MachineView, ...errors },
      },
    },
    async (request, reply) => {
      const machine = await expectMachine(s, request.body);
      void reply.header('etag', machineEtag(machine));
      void reply.header('location', `/api/machines/${machine.id}`);
      return reply.code(201).send(viewMachine(machine, s));
    },
  );

  app.get(
    '/api/machines/:id',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary: 'Get a machine; of one that was merged away, the error names the id `merged_into`',
        params: IdParams,
        querystring: Dialect,
        response: { 200: MachineView, ...errors },
      },
    },
    async (request, reply) => {
      const { value } = await loadShown(s, request.principal, request.params.id.toLowerCase());
      void reply.header('etag', machineEtag(value));
      const shown = viewMachine(value, s);
      return request.query.dialect === undefined ? shown : inDragonflysDialect(shown);
    },
  );

  app.patch(
    '/api/machines/:id',
    {
      config: { access: 'operate', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary: 'Change the settings of a machine',
        params: IdParams,
        headers: IfMatch,
        body: MachinePatch,
        response: { 200: MachineView, ...errors },
      },
    },
    async (request, reply) => {
      const id = request.params.id.toLowerCase();
      await refuseOthers(s, request.principal, id);
      const machine = await patchMachine(s, id, request.body, request.headers['if-match']);
      void reply.header('etag', machineEtag(machine));
      return viewMachine(machine, s);
    },
  );

  app.delete(
    '/api/machines/:id',
    {
      config: { access: 'operate', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary: 'Forget a machine; if it comes back, it is registered as a new one',
        params: IdParams,
        headers: IfMatch,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      const id = request.params.id.toLowerCase();
      await refuseOthers(s, request.principal, id);
      await deleteMachine(s, id, request.headers['if-match']);
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/api/machines/:id/history',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary: 'List the changes of a machine, newest first',
        params: IdParams,
        response: { 200: MachineHistoryAnswer, ...errors },
      },
    },
    async (request) => {
      const { value } = await loadShown(s, request.principal, request.params.id.toLowerCase());
      return { history: [...(await s.store.machines.history(value.id))] };
    },
  );

  app.get(
    '/api/machines/:id/conflicts',
    {
      config: { access: 'read' },
      schema: {
        tags: ['machines'],
        summary: 'List the identity conflicts that a machine is part of',
        params: IdParams,
        querystring: Type.Object(Paging, { additionalProperties: false }),
        response: { 200: ConflictList, ...errors },
      },
    },
    async (request) => {
      const { value } = await loadMachine(s, request.params.id.toLowerCase());
      const page = await s.store.conflicts.listBy('machine', value.id, request.query);
      return {
        conflicts: page.items.map((item) => item.value),
        ...damagedOf(page),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.post(
    '/api/machines/bulk',
    {
      config: { access: 'operate', keepsToTags: true },
      schema: {
        tags: ['machines'],
        summary:
          'Change many machines, each independently of the others; with dry_run, only say what would become of each',
        body: BulkRequest,
        response: { 200: BulkResponse, ...errors },
      },
    },
    async (request) => {
      const { body, principal } = request;
      const outside = await outsideOf(s, principal, body.ids);
      const ids = body.ids.filter((id) => !outside.has(id));
      const answer = await changeMany(
        s,
        { ...body, ids },
        request.principal,
        serverSeen(s, request),
      );
      return { ...answer, failed: [...outside.values(), ...answer.failed] };
    },
  );
}

/** Refuses a machine beyond the tags of a limited token. Errors: AppError `machine.unknown`. */
async function refuseOthers(s: Services, by: Principal, id: string): Promise<void> {
  if (tagsOf(by) !== undefined) refuseOutside(by, (await loadMachine(s, id)).value);
}

/** Undefined also for one that cannot be read: nobody can say which tags it has. */
async function readable({ store }: Services, id: string): Promise<Machine | undefined> {
  try {
    return (await store.machines.get(id))?.value;
  } catch (err) {
    if (isAppError(err, 'store.damaged')) return undefined;
    throw err;
  }
}

/** The machines that are beyond the tags of a limited token, as those of which a change failed. */
async function outsideOf(
  s: Services,
  by: Principal,
  ids: readonly string[],
): Promise<ReadonlyMap<string, BulkResponse['failed'][number]>> {
  const outside = new Map<string, BulkResponse['failed'][number]>();
  if (tagsOf(by) === undefined) return outside;
  for (const id of ids) {
    const machine = await readable(s, id.toLowerCase());
    if (machine !== undefined && isInside(by, machine)) continue;
    const failure = { error: `there is no machine ${id}`, code: 'machine.unknown' };
    outside.set(id, { machine_id: id, failure });
  }
  return outside;
}
