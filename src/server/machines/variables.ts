// The values of a template's variables for one machine: from its record and the operators' settings.
import { randomInt } from 'node:crypto';
import { fleetVariableNames } from '../../model/documents/template-variables.ts';
import type { Machine } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';
import { reportToken } from '../access/report-tokens.ts';
import { mask } from '../rules/settings/secret-settings.ts';
import {
  machineVariables,
  type FleetSettings,
  type ServerSeen,
  type Variables,
} from '../rules/fill/variables.ts';

/** Everything that templates are filled in with for the machine's next workflow, or its present one. */
export async function variablesOf(
  store: Store,
  machine: Machine,
  server: ServerSeen,
): Promise<Variables> {
  const workflowId = machine.status.current_workflow;
  const token = workflowId === null ? mask : await reportToken(store, workflowId);
  return variablesWith(await fleetSettings(store), machine, server, token);
}

/** The same, with secrets that may be shown to nobody. */
export async function maskedVariables(
  store: Store,
  machine: Machine,
  server: ServerSeen,
): Promise<Variables> {
  return (await maskedFor(store, server))(machine);
}

/** The same for a machine that is given later, with the settings as they are now. */
export async function maskedFor(
  store: Store,
  server: ServerSeen,
): Promise<(machine: Machine) => Variables> {
  const settings = await fleetSettings(store);
  return (machine) => {
    const variables = variablesWith(settings, machine, server, mask);
    return new Map([...variables, ['default_password', { text: mask }]]);
  };
}

function variablesWith(
  settings: FleetSettings,
  machine: Machine,
  server: ServerSeen,
  token: string,
): Variables {
  const workflowId = machine.status.current_workflow ?? 'WORKFLOW';
  const phoneHomeUrl = `${server.reportUrl}/api/workflows/${workflowId}/report?token=${token}`;
  return machineVariables(machine, settings, { server, phoneHomeUrl, random: unguessable });
}

/** The settings that operators made for all machines. */
async function fleetSettings(store: Store): Promise<FleetSettings> {
  const found = await Promise.all(
    fleetVariableNames.map(async (name) => {
      const setting = await store.settings.get(`template.${name}`);
      return setting === undefined ? [] : [[name, setting.value.value] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

function unguessable(): number {
  return randomInt(2 ** 47) / 2 ** 47;
}
