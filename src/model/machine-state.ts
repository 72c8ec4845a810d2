// The states of machines as rules, indexes and the page name them: those of newer versions by what they mean
// here. No schema library is loaded, as the page has none.
import type { MachineState, MachineStateName } from './machine.ts';

/** In the order of a machine's life. */
export const stateNames = [
  'Discovered',
  'Ready',
  'Provisioning',
  'Provisioned',
  'Error',
  'Offline',
] as const;

/** Each state by its tag, with what the states of newer versions mean here. */
const namesByTag: ReadonlyMap<string, MachineStateName> = new Map([
  ...stateNames.map((name) => [name, name] as const),
  ['ReadyToInstall', 'Ready'],
  ['Initializing', 'Provisioning'],
  ['Installing', 'Provisioning'],
  ['Writing', 'Provisioning'],
  ['Installed', 'Provisioned'],
  ['ExistingOs', 'Discovered'],
  ['Failed', 'Error'],
]);

/** Error for a state that this version does not know: nothing happens to such a machine by itself. */
export function stateName(state: MachineState): MachineStateName {
  return namesByTag.get(tagOf(state)) ?? 'Error';
}

/** True where another server was installing the machine when its record was written, and nothing here
 *  has changed its state since. Without a workflow here it is as good as in Error. */
function wasInstallingElsewhere(state: MachineState): boolean {
  return stateName(state) === 'Provisioning' && state !== 'Provisioning';
}

/** The error that a state carries; undefined in states without one. */
export function errorOf(state: MachineState): string | undefined {
  if (wasInstallingElsewhere(state)) return 'was being installed elsewhere';
  if (stateName(state) !== 'Error') return undefined;
  const said = messageOf(Object(state)['Error']) ?? messageOf(Object(state)['Failed']);
  return said ?? `in the state ${tagOf(state)}, which this version does not know`;
}

function messageOf(reason: unknown): string | undefined {
  const { message } = { message: undefined, ...Object(reason) };
  return typeof message === 'string' ? message : undefined;
}

/** serde writes a variant without fields as a string, and any other as an object with one key. */
function tagOf(state: MachineState): string {
  return typeof state === 'string' ? state : (Object.keys(Object(state))[0] ?? 'null');
}
