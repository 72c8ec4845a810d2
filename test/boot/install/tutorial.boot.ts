// The tutorial of the first install, followed to its end in a virtual machine.
import { expect, it } from 'vitest';
import { follow, isShown, stepsOf } from '../../docs/tutorial.ts';
import { canBoot, runsAll } from '../harness.ts';

const limitMs = 30 * 60_000;

it.skipIf(!canBoot || !runsAll)(
  'the first install does and prints what its tutorial says',
  async () => {
    const steps = stepsOf('docs/tutorials/first-install.md');
    const results = await follow(steps, limitMs - 60_000);
    const differing = results.filter(({ printed }, i) => !isShown(steps[i]?.shown ?? '', printed));
    expect(differing).toEqual([]);
    expect(results.map(({ code }) => code)).toEqual(steps.map(() => 0));
  },
  limitMs,
);
