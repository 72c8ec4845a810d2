// An exhaustive walk over the rules of workflows, with a small model of the agent, the server and an operator:
// messages lost, repeated and late; each side crashing and starting anew at each step; orders, cancellations,
// edits, deletions, restores and clock steps. In no world that can be reached is a disk written by a workflow
// that has ended, is of another boot, or differs from its plan.
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../../src/model/machine.ts';
import { rules, type Rules } from './server.ts';
import { stepsFrom } from './steps.ts';
import { firstWorld, keyOf, type World } from './world.ts';

interface Walk {
  readonly states: number;
  /** The shortest way to what must not be. */
  readonly story: readonly string[] | undefined;
}

/** The way to a world. */
interface Trail {
  readonly label: string;
  readonly from: Trail | undefined;
}

/** Breadth first, so that the first story found is the shortest. */
function walk(under: Rules, left: World['left'], retry = false): Walk {
  const first = firstWorld(left);
  const seen = new Set([keyOf(first)]);
  let round: [World, Trail | undefined][] = [[first, undefined]];
  while (round.length > 0) {
    const next: typeof round = [];
    for (const [world, from] of round) {
      for (const step of stepsFrom(under, world, retry)) {
        const trail = { label: step.label, from };
        if (step.wrong !== undefined) {
          return { states: seen.size, story: [...storyOf(trail), step.wrong] };
        }
        const key = keyOf(step.world);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push([step.world, trail]);
      }
    }
    round = next;
  }
  return { states: seen.size, story: undefined };
}

function storyOf(last: Trail): string[] {
  const labels: string[] = [];
  for (let trail: Trail | undefined = last; trail !== undefined; trail = trail.from) {
    labels.unshift(trail.label);
  }
  return labels;
}

/** The number of things that may go wrong, and of orders, in one story. More of them take minutes and gigabytes:
 *  DRAGONFLY_WALK_MISHAPS=3 DRAGONFLY_WALK_ORDERS=1. */
const bounds = {
  mishaps: Number(process.env['DRAGONFLY_WALK_MISHAPS'] ?? 2),
  orders: Number(process.env['DRAGONFLY_WALK_ORDERS'] ?? 2),
};

describe('the rules of workflows', () => {
  it.each([false, true])(
    'let no disk be written wrongly (retry: %s)',
    (retry) => {
      const { states, story } = walk(rules, bounds, retry);
      process.stdout.write(`the walk saw ${states} states (retry: ${retry})\n`);
      expect(story).toBeUndefined();
      expect(states).toBeGreaterThan(100_000);
    },
    300_000,
  );
});

/** Runs everything again that was interrupted, whether it says so or not. */
const reviewAgain: Rules['review'] = (machine, workflow, now) => {
  const willing = { ...workflow, spec: { ...workflow.spec, retry: true } };
  const { status } = rules.review(machine, willing, now);
  return status === undefined || status === workflow.status ? workflow : { ...workflow, status };
};

/** Does not see what is on the disks. */
const blind = (machine: Machine): Machine => ({
  ...machine,
  hardware: {
    ...machine.hardware,
    disks: machine.hardware.disks.map((disk) => ({ ...disk, contents: [] })),
  },
});

interface Fault extends Partial<Rules> {
  /** The end of its shortest story. */
  readonly end: string;
}

/** Like the rules, but for one thing each. */
const faults: Readonly<Record<string, Fault>> = {
  'any boot may begin': { mayBegin: () => true, end: 'W1 is begun after it had ended' },
  'the agent does not wait for consent': { agentWaits: false, end: 'W1 writes unasked' },
  'the agent goes on with what is over': { agentStops: false, end: 'W1 writes after its end' },
  'the agent takes the device, whatever its serial': {
    agentCompares: false,
    end: 'W1 writes S2, which was not planned',
  },
  'a restored workflow is not held': {
    holdsRestored: false,
    end: 'W1 is begun after it had ended',
  },
  'the stored template is served': {
    templateOfWorkflow: () => undefined,
    end: 'W1 writes another image than planned',
  },
  'what was interrupted runs again': {
    review: reviewAgain,
    end: 'W1 is begun by boot 1 and boot 2',
  },
  'data that turned up is not seen': {
    decide: (machine, ...rest) => rules.decide(blind(machine), ...rest),
    review: (machine, ...rest) => rules.review(blind(machine), ...rest),
    mayBegin: (machine, ...rest) => rules.mayBegin(blind(machine), ...rest),
    end: 'W1 overwrites data that nobody gave up',
  },
};

describe('a fault in them', () => {
  it.each(Object.entries(faults))('is found by its shortest story: %s', (name, fault) => {
    const { end, ...planted } = fault;
    const { story = [] } = walk({ ...rules, ...planted }, bounds);
    process.stdout.write(`${[name, ...story].join('\n  ')}\n`);
    expect(story.at(-1)).toBe(end);
  });

  it('is told step by step', () => {
    const { story } = walk({ ...rules, agentStops: false }, bounds);
    expect(story).toEqual([
      'boot 1 starts in the image',
      'boot 1 checks in: wait',
      'W1 is ordered',
      'boot 1 beats: execute',
      'boot 1 asks to begin W1: yes',
      'W1 is cancelled',
      'boot 1 beats: wait',
      'boot 1 begins to write S1 for W1',
      'W1 writes after its end',
    ]);
  });
});
