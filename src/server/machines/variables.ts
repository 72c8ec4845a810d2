// The values of a template's variables for one machine: from its record and the operators' settings.
import type { Machine } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';
import {
  defaultVariables,
  fleetVariableNames,
  machineVariables,
  type TemplateVariables,
} from '../rules/templates.ts';

/** Shown in place of a secret. */
const mask = '********';

/** `server`: this server as machines reach it. */
export async function variablesOf(
  store: Store,
  machine: Machine,
  server: string,
): Promise<TemplateVariables> {
  const fleet = { ...defaultVariables };
  for (const name of fleetVariableNames) {
    const setting = await store.settings.get(`template.${name}`);
    if (setting !== undefined) fleet[name] = setting.value.value;
  }
  return { ...fleet, ...machineVariables(machine, server) };
}

/** The same, with secrets that may be shown to nobody. */
export async function maskedVariables(
  store: Store,
  machine: Machine,
  server: string,
): Promise<TemplateVariables> {
  return { ...(await variablesOf(store, machine, server)), default_password: mask };
}
