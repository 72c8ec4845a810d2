// All documents that a server holds, read with Dragonfly's own types: machines in its dialect, workflows and
// templates as they are.
import { onTestFinished } from 'vitest';
import type { TestServer } from '../harness.ts';
import { readTemplate, readWorkflow } from './documents.ts';
import { readMachine } from './machine.ts';

/** Reads them when the test ends; one that these types refuse fails it. `token`: one that may read. */
export function holdToDragonflysTypes(server: TestServer, token?: string): void {
  onTestFinished(async () => {
    const read = async (path: string): Promise<unknown[]> => {
      const { status, body } = await server.call('GET', `/api/${path}`, { token });
      if (status !== 200) throw new Error(`/api/${path} answered ${status}`);
      return Object.values<unknown>(body).find((field) => Array.isArray(field)) ?? [];
    };
    const machines = await read('machines?dialect=dragonfly');
    machines.forEach((machine, i) => readMachine(machine, `machines[${i}]`));
    const workflows = await read('workflows');
    workflows.forEach((workflow, i) => readWorkflow(workflow, `workflows[${i}]`));
    const templates = await read('templates');
    templates.forEach((template, i) => readTemplate(template, `templates[${i}]`));
  });
}
