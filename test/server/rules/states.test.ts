import { describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/core/errors.ts';
import { stateName, type MachineState, type MachineStateName } from '../../../src/model/machine.ts';
import { causes, nextState, transitions, type Cause } from '../../../src/server/rules/states.ts';

/** Written out a second time: a row per state, in the order of `causes`; "-" is refused. */
const expected: Record<MachineStateName, string> = {
  Discovered:
    'Ready Discovered Ready Provisioning Provisioned Error Discovered - Offline Discovered',
  Ready: 'Ready Discovered Ready Provisioning Provisioned Error Ready - Offline Ready',
  Provisioning: 'Ready Discovered Ready Provisioning Provisioned Error Error - Offline -',
  Provisioned:
    'Provisioned Provisioned Provisioned Provisioning Provisioned Error Provisioned - Offline Provisioned',
  Error: 'Ready Discovered Ready Provisioning Provisioned Error Error Provisioned Offline Error',
  Offline: 'Offline Offline - Offline Offline Offline Offline - Offline Discovered',
};

const states: MachineState[] = [
  'Discovered',
  'Ready',
  'Provisioning',
  'Provisioned',
  { Error: { message: 'before' } },
  'Offline',
];
const cases = states.flatMap((state) => {
  const name = stateName(state);
  const row = expected[name].split(' ');
  return causes.map((cause, i) => [name, cause, row[i] ?? '', state] as const);
});

function outcomeOf(state: MachineState, cause: Cause): string {
  try {
    return stateName(nextState(state, cause, 'now'));
  } catch (err) {
    return isAppError(err, 'machine.wrong-state') ? '-' : String(err);
  }
}

describe('the state machine', () => {
  it.each(cases)('%s, %s: %s', (_name, cause, outcome, state) => {
    expect(outcomeOf(state, cause)).toBe(outcome);
  });

  it('keeps the message of an error that nothing new is said of', () => {
    expect(nextState({ Error: { message: 'before' } }, 'brought back')).toEqual({
      Error: { message: 'before' },
    });
  });

  it('leads out of every state', () => {
    for (const row of Object.values<Partial<Record<Cause, MachineStateName>>>(transitions)) {
      expect(new Set(Object.values(row)).size).toBeGreaterThan(1);
    }
  });
});
