import { expect, it } from 'vitest';
import { findPlanned } from '../../src/actions/disk/target.ts';
import { parseWorkflow } from '../../src/transport/answers.ts';
import { diskAt } from '../actions/workplace.ts';

const nameless = { device: '/dev/vda', serial: null, wwn: null, model: 'Loop', size_bytes: 0 };

function plannedDisk(more: object) {
  const spec = { templateRef: 't', hardwareRef: 'm', plan: { disk: { ...nameless, ...more } } };
  const { plannedDisk: disk } = parseWorkflow({ spec, status: { state: 'STATE_PENDING' } });
  if (disk === undefined) throw new Error('there is no planned disk');
  return disk;
}

it('a planned disk comes to the agent with the boot that it was named in, or with none', () => {
  const twins = ['/dev/vda', '/dev/vdb'].map((device) => diskAt(device, { serial: null }));
  expect(findPlanned(plannedDisk({ boot_id: 'a' }), twins, 'a')).toBe(twins[0]);
  expect(findPlanned(plannedDisk({ boot_id: null }), twins, 'a')).toBe(twins[0]);
  expect(() => findPlanned(plannedDisk({}), twins, 'a')).toThrow('looks the same now');
});
