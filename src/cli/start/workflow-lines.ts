// Tells the workflows of a server as they go on: a line for each step, and the outcome.
import type { Client } from '../../client/client.ts';
import { isActive } from '../../model/documents/workflow.ts';
import { titlesOf } from '../operator/machines/selection.ts';
import { betweenActions, outcomeOf, stepOf } from '../operator/wait.ts';
import { printable } from '../text/table.ts';

/** Runs until the signal aborts, and rejects with its reason. Errors: as those of the client's calls. */
export async function tellWorkflows(
  client: Client,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const told = new Map<string, string>();
  for await (const { type, data } of client.events({ signal })) {
    if (type !== 'workflow.changed') continue;
    const workflow = await client.workflows.get(String(data['workflow_id']));
    const { metadata, spec } = workflow;
    const machine = (await titlesOf(client, [spec.hardwareRef])).get(spec.hardwareRef);
    const line = isActive(workflow) ? printable(stepOf(workflow)) : outcomeOf(workflow);
    if (line === betweenActions || told.get(metadata.name) === line) continue;
    told.set(metadata.name, line);
    print(`${machine ?? spec.hardwareRef}: ${spec.templateRef}: ${line}\n`);
  }
}
