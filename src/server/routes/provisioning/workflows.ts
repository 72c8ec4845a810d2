// Workflow routes: operators create and cancel workflows, agents fetch them and report progress.
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import { WorkflowEvent } from '../../../model/api/agent.ts';
import {
  PlanAnswer,
  WorkflowCountQuery,
  WorkflowCounts,
  WorkflowCreate,
  WorkflowList,
  WorkflowListQuery,
} from '../../../model/api/workflows.ts';
import { Workflow } from '../../../model/documents/workflow.ts';
import { refuseOtherWorker } from '../../access/own-work.ts';
import type { Principal } from '../../access/principal.ts';
import { isInside, refuseOutside, tagsOf } from '../../access/inside.ts';
import { loadMachine } from '../../machines/machines.ts';
import { reportSystem } from '../../machines/arrival.ts';
import { planFor, provision } from '../../machines/workflows/provision.ts';
import { countWorkflows, listWorkflows } from '../../machines/workflows/workflow-list.ts';
import { serverSeen } from '../../http/requests/addresses.ts';
import { agentBody } from '../../http/requests/agent-body.ts';
import type { App, Services } from '../../services.ts';
import {
  applyEvent,
  cancelWorkflow,
  loadWorkflow,
  releaseWorkflow,
  unknownWorkflow,
} from '../../machines/workflows/workflows.ts';
import { within } from '../../machines/within.ts';
import { damagedOf, Done, errors } from '../route.ts';

const ReportQuery = Type.Object(
  { token: Type.String({ maxLength: 128, description: 'good for this report alone' }) },
  { additionalProperties: false },
);
const WorkflowParams = Type.Object({ id: Type.String({ format: 'uuid' }) });

export async function workflowRoutes(app: App, s: Services): Promise<void> {
  app.post(
    '/api/workflows',
    {
      config: { access: 'operate', keepsToTags: true },
      schema: {
        tags: ['workflows'],
        summary:
          'Queue a workflow for a machine, whose agent runs it next; with dry_run, only plan it',
        body: WorkflowCreate,
        response: { 200: PlanAnswer, 201: Workflow, ...errors },
      },
    },
    async (request, reply) => {
      const { machine_id, dry_run, ...wanted } = request.body;
      const machineId = machine_id.toLowerCase();
      const inside = within(s, request.principal);
      const server = serverSeen(s, request);
      if (dry_run === true) return planFor(inside, machineId, wanted, server);
      const workflow = await provision(inside, machineId, wanted, server);
      void reply.header('location', `/api/workflows/${workflow.metadata.name}`);
      return reply.code(201).send(workflow);
    },
  );

  app.get(
    '/api/workflows',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['workflows'],
        summary: 'List workflows: of one machine or of all, by state and time',
        querystring: WorkflowListQuery,
        response: { 200: WorkflowList, ...errors },
      },
    },
    async (request) => {
      const { machine_id } = request.query;
      if (machine_id !== undefined)
        await refuseStranger(s, request.principal, machine_id.toLowerCase());
      const page = await listWorkflows(s, request.query, tagsOf(request.principal));
      return {
        workflows: page.items.map((item) => item.value),
        ...damagedOf(page),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.get(
    '/api/workflows/counts',
    {
      config: { access: 'read', keepsToTags: true },
      schema: {
        tags: ['workflows'],
        summary: 'Count workflows by state',
        querystring: WorkflowCountQuery,
        response: { 200: WorkflowCounts, ...errors },
      },
    },
    async (request) => ({
      counts: await countWorkflows(s, request.query.since, tagsOf(request.principal)),
    }),
  );

  app.get(
    '/api/workflows/:id',
    {
      config: { access: 'agent', keepsToTags: true },
      schema: {
        tags: ['workflows', 'agent'],
        summary: 'Get a workflow',
        params: WorkflowParams,
        response: { 200: Workflow, ...errors },
      },
    },
    async (request) => {
      const { value } = await loadWorkflow(s, request.params.id.toLowerCase());
      await refuseOthers(s, request.principal, value);
      return value;
    },
  );

  app.post(
    '/api/workflows/:id/events',
    {
      config: { access: 'agent' },
      validatorCompiler: agentBody(WorkflowEvent),
      schema: {
        tags: ['workflows', 'agent'],
        summary:
          'Report progress of a workflow, as its agent; repeats, and reports after its end, change nothing',
        params: WorkflowParams,
        body: WorkflowEvent,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      const id = request.params.id.toLowerCase();
      await refuseOthers(s, request.principal, (await loadWorkflow(s, id)).value, 'reports');
      await applyEvent(s, id, request.body);
      return reply.code(204).send(null);
    },
  );

  await app.register(async (own: App) => {
    // cloud-init sends a form, of which nothing is needed.
    own.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => {
      done(null, undefined);
    });
    own.post(
      '/api/workflows/:id/report',
      {
        config: { access: 'public', isForBoots: true },
        schema: {
          tags: ['workflows', 'agent'],
          summary:
            'Report that the installed system is up, as that system: see {{ phone_home_url }}',
          params: WorkflowParams,
          querystring: ReportQuery,
          response: { 204: Done, ...errors },
        },
      },
      async (request, reply) => {
        await reportSystem(s, request.params.id.toLowerCase(), request.query.token);
        return reply.code(204).send(null);
      },
    );
  });

  app.post(
    '/api/workflows/:id/cancel',
    {
      config: { access: 'operate', keepsToTags: true },
      schema: {
        tags: ['workflows'],
        summary: 'Cancel a workflow; a running one leaves its machine in Error',
        params: WorkflowParams,
        response: { 200: Workflow, ...errors },
      },
    },
    (request) => {
      const { principal } = request;
      return cancelWorkflow(s, request.params.id.toLowerCase(), principal, (workflow) =>
        refuseOthers(s, principal, workflow),
      );
    },
  );

  app.post(
    '/api/workflows/:id/release',
    {
      config: { access: 'operate' },
      schema: {
        tags: ['workflows'],
        summary: 'Let a workflow that was restored from a backup go on',
        params: WorkflowParams,
        response: { 200: Workflow, ...errors },
      },
    },
    (request) => releaseWorkflow(s, request.params.id.toLowerCase()),
  );
}

/** Refuses an agent that asks for the workflow of another machine; for a token that is limited to others there is no
 *  such workflow. Errors: AppError `auth.denied`, `workflow.unknown`. */
async function refuseOthers(
  s: Services,
  by: Principal,
  workflow: Workflow,
  what: 'asks' | 'reports' = 'asks',
): Promise<void> {
  const isAgent = by.kind === 'machine' || by.kind === 'stock';
  if (!isAgent && tagsOf(by) === undefined) return;
  const machine = (await s.store.machines.get(workflow.spec.hardwareRef))?.value;
  if (!isAgent) {
    if (machine !== undefined && isInside(by, machine)) return;
    throw unknownWorkflow(workflow.metadata.name);
  }
  if (machine === undefined)
    throw new AppError('auth.denied', 'the machine of this workflow is gone');
  refuseOtherWorker(by, machine, what === 'reports' ? workflow : undefined);
}

/** The workflows of a machine that is gone may still be read, by those who may read all. */
async function refuseStranger(s: Services, by: Principal, machineId: string): Promise<void> {
  if (tagsOf(by) !== undefined) refuseOutside(by, (await loadMachine(s, machineId)).value);
}
