// Workflow routes: operators create and cancel workflows, agents fetch them and report progress.
import { Type } from 'typebox';
import { WorkflowEvent } from '../../model/api.ts';
import { WorkflowCreate, WorkflowList, WorkflowListQuery } from '../../model/operator-api.ts';
import { Workflow } from '../../model/workflow.ts';
import { refuseOtherMachine } from '../access/auth.ts';
import { provision } from '../machines/provision.ts';
import { agentBody } from '../http/agent-body.ts';
import type { App, Services } from '../services.ts';
import { applyEvent, cancelWorkflow, loadWorkflow } from '../machines/workflows.ts';
import { Done, errors } from './route.ts';

const WorkflowParams = Type.Object({ id: Type.String({ format: 'uuid' }) });

export function workflowRoutes(app: App, s: Services): void {
  app.post(
    '/api/workflows',
    {
      config: { access: 'full' },
      schema: {
        tags: ['workflows'],
        summary: 'Queue a workflow for a machine; its agent runs it next',
        body: WorkflowCreate,
        response: { 201: Workflow, ...errors },
      },
    },
    async (request, reply) => {
      const { machine_id, template, reimage } = request.body;
      const workflow = await provision(s, machine_id.toLowerCase(), template, reimage ?? false);
      return reply.code(201).send(workflow);
    },
  );

  app.get(
    '/api/workflows',
    {
      config: { access: 'read' },
      schema: {
        tags: ['workflows'],
        summary: 'List workflows, of one machine or of all, oldest first',
        querystring: WorkflowListQuery,
        response: { 200: WorkflowList, ...errors },
      },
    },
    async (request) => {
      const { machine_id, ...paging } = request.query;
      const page = await (machine_id === undefined
        ? s.store.workflows.list(paging)
        : s.store.workflows.listBy('machine', machine_id.toLowerCase(), paging));
      return {
        workflows: page.items.map((item) => item.value),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.get(
    '/api/workflows/:id',
    {
      config: { access: 'agent' },
      schema: {
        tags: ['workflows', 'agent'],
        summary: 'Get a workflow',
        params: WorkflowParams,
        response: { 200: Workflow, ...errors },
      },
    },
    async (request) => {
      const { value } = await loadWorkflow(s, request.params.id.toLowerCase());
      refuseOtherMachine(request.principal, value.spec.hardwareRef);
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
      if (request.principal.kind === 'machine') {
        const { value } = await loadWorkflow(s, id);
        refuseOtherMachine(request.principal, value.spec.hardwareRef);
      }
      await applyEvent(s, id, request.body);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/api/workflows/:id/cancel',
    {
      config: { access: 'full' },
      schema: {
        tags: ['workflows'],
        summary: 'Cancel a workflow; a running one leaves its machine in Error',
        params: WorkflowParams,
        response: { 200: Workflow, ...errors },
      },
    },
    (request) => cancelWorkflow(s, request.params.id.toLowerCase()),
  );
}
