// An agent with a workflow to execute, and its server.
import { runWorkflow, type ActionRunners } from '../../../src/agent/orders/actions.ts';
import type { Subject } from '../../../src/agent/subject.ts';
import { machine, MemoryServer } from '../../transport/memory-server.ts';

export const workflow = '01930000-0000-7000-8000-0000000000aa';

/** A machine that runs workflows with these runners, as an embedder's would. */
export function worker(runners: ActionRunners): Subject {
  return {
    ...machine(),
    async act(order, server) {
      const id = order.workflowId ?? '';
      const template = await server.template((await server.workflow(id)).templateRef);
      await runWorkflow(id, template, {
        ...server,
        runners,
        begin: () => server.begin(id),
        report: (event) => server.event(id, event),
      });
      return { final: true };
    },
  };
}

export function serverWith(...actions: string[]): MemoryServer {
  const server = new MemoryServer();
  server.action = 'execute';
  server.workflowId = workflow;
  server.templates.set(workflow, {
    timeoutSeconds: undefined,
    actions: actions.map((action) => ({ action, timeoutSeconds: 5, fields: { action } })),
  });
  return server;
}

export const successful = [
  'started',
  'action_started copy',
  'action_progress copy',
  'action_completed copy true',
  'completed true',
];

export const copy: ActionRunners = {
  copy: async (_fields, { progress }) => progress({ percent: 50 }),
};
