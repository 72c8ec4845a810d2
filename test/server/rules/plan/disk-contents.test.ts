// A plan and what its disk holds: a system, other data, or nobody knows what.
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../../src/model/problem.ts';
import { GiB, debian, disk, image, outcome, withHints, type Given } from './given.ts';

describe('the planned disk', () => {
  const small = disk('/dev/sdb', { size_bytes: 240 * GiB });
  const { contents: _none, ...unreadDisk } = disk('/dev/sda');
  const unreadProblem: Problem = {
    code: 'probe.timeout',
    section: 'contents',
    source: 'contents',
    message: 'the probe did not finish within 30000 ms',
  };
  const data = (device: string, type = 'ext4') => [{ device, type }];

  it.each<[string, Given, string]>([
    [
      'is not one that could not be looked into',
      { disks: [unreadDisk], problems: [unreadProblem] },
      'plan.unread',
    ],
    [
      'is not one whose contents the record has no room for',
      { disks: [unreadDisk], problems: [{ ...unreadProblem, section: 'record' }] },
      'plan.unread',
    ],
    [
      'may be one that could not be looked into where it is named',
      { disks: [unreadDisk], problems: [unreadProblem], actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'may be one that could not be looked into where its data may go',
      { disks: [unreadDisk], problems: [unreadProblem], reimage: true },
      '/dev/sda',
    ],
    [
      'may be blank beside one that could not be looked into',
      { disks: [{ ...unreadDisk, size_bytes: 900 * GiB }, small], problems: [unreadProblem] },
      '/dev/sdb',
    ],
    ['may be one of which the agent never tells anything', { disks: [unreadDisk] }, '/dev/sda'],
    [
      'that is not known holds the system that was found',
      { disks: [], os: debian },
      'machine.has-os',
    ],
    [
      'holds no system unless that may go',
      { disks: [disk('/dev/sda')], os: debian },
      'machine.has-os',
    ],
    [
      'may hold one that may go',
      { disks: [disk('/dev/sda')], os: debian, reimage: true },
      '/dev/sda',
    ],
    [
      'may hold one where its serial is named',
      { disks: [disk('/dev/sda')], os: debian, actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'may be another one than that with the system',
      { disks: [disk('/dev/sda'), small], os: debian },
      '/dev/sdb',
    ],
    [
      'holds no system that may be anywhere',
      { disks: [disk('/dev/sda'), small], os: { ...debian, device: '/dev/mapper/vg-root' } },
      'machine.has-os',
    ],
    [
      'holds no other data',
      { disks: [disk('/dev/sda', { contents: data('/dev/sda1') })] },
      'plan.has-data',
    ],
    [
      'holds no other data by its path',
      {
        disks: [disk('/dev/sda', { contents: data('/dev/sda', 'data') })],
        actions: [{ ...image, disk: '/dev/sda' }],
      },
      'plan.has-data',
    ],
    [
      'has no twin of which one holds data, reimage or not',
      {
        disks: [disk('/dev/sda'), disk('/dev/sdb', { contents: data('/dev/sdb1') })],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is no part of a group that reaches another disk',
      {
        disks: [
          disk('/dev/sda', { contents: [{ device: '/dev/sda', type: 'LVM2_member', group: 'g' }] }),
          disk('/dev/sdb', { contents: [{ device: '/dev/sdb', type: 'LVM2_member', group: 'g' }] }),
        ],
        reimage: true,
      },
      'plan.has-data',
    ],
    [
      'is no part of a cluster',
      {
        disks: [disk('/dev/sda', { contents: [{ device: '/dev/sda', type: 'ceph_bluestore' }] })],
        reimage: true,
      },
      'plan.has-data',
    ],
    [
      'may be part of a group that its other path shows too',
      {
        disks: ['/dev/sda', '/dev/sdb'].map((device) =>
          disk(device, {
            serial: 'S1',
            wwn: 'naa.1',
            paths: ['/dev/sda', '/dev/sdb'],
            contents: [{ device: '/dev/sda', type: 'LVM2_member', group: 'g' }],
          }),
        ),
        reimage: true,
      },
      '/dev/sda',
    ],
    [
      'is the one with the system where nothing is overwritten',
      {
        disks: [small, disk('/dev/sda')],
        os: debian,
        actions: [{ action: 'writefile', path: '/etc/motd', content: 'x' }],
      },
      '/dev/sda',
    ],
  ])('%s', (_rule, given, expected) => {
    expect(outcome(given)).toBe(expected);
  });
});
