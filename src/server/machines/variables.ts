// The values of a template's variables for one machine: from its record and the operators' settings.
import { randomInt } from 'node:crypto';
import type { Machine } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';
import { mask } from '../rules/secret-settings.ts';
import {
  fleetVariableNames,
  machineVariables,
  type FleetSettings,
  type Variables,
} from '../rules/variables.ts';

/** `server`: this server as machines reach it. */
export async function variablesOf(
  store: Store,
  machine: Machine,
  server: string,
): Promise<Variables> {
  return machineVariables(machine, await fleetSettings(store), { server, random: unguessable });
}

/** The same, with secrets that may be shown to nobody. */
export async function maskedVariables(
  store: Store,
  machine: Machine,
  server: string,
): Promise<Variables> {
  const variables = await variablesOf(store, machine, server);
  return new Map([...variables, ['default_password', { text: mask }]]);
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
