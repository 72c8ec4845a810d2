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
import { ConflictList } from '../../model/api/conflicts.ts';
import { Paging } from '../../model/api/request.ts';
import { inDragonflysDialect } from '../../model/dragonfly.ts';
import { tagsOf } from '../access/inside.ts';
import { expectMachine } from '../checkin/expected.ts';
import { changeMany } from '../machines/bulk.ts';
import { deleteMachine, patchMachine } from '../machines/machine-changes.ts';
import { listMachines } from '../machines/machine-list.ts';
import { loadMachine, machineEtag, viewMachine } from '../machines/machines.ts';
import { loadShown } from '../machines/merged.ts';
import { within } from '../machines/within.ts';
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
        ...(page.isUnindexed ? { unindexed: true } : {}),
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
      const { body, principal, headers } = request;
      const inside = within(s, principal);
      const machine = await patchMachine(inside, id, body, principal, headers['if-match']);
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
      await deleteMachine(within(s, request.principal), id, request.headers['if-match']);
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
      return changeMany(within(s, principal), body, principal, serverSeen(s, request));
    },
  );
}
