import { describe, expect, it } from 'vitest';
import { readVolumeGroup } from '../../../src/probes/contents/volume-group.ts';
import { recognise } from '../../../src/probes/contents/recognise.ts';
import { groupText, volumeText } from './lvm.ts';

function read(text: string) {
  return readVolumeGroup(Buffer.from(text, 'latin1'));
}

const text = groupText({
  volumes: [
    volumeText('root', [['pv1', 3]]),
    volumeText('home', [['pv0', 0]], [['pv0', 40]]),
    volumeText('fast', [
      ['pv0', 9],
      ['pv1', 9],
    ]),
    volumeText('lvol0_pmspare', [['pv0', 7]]).replace(', "VISIBLE"', ''),
    volumeText('thin', [['pv0', 7]]).replace('"striped"', '"thin"'),
    volumeText('lost', [['pv9', 0]]),
  ],
});

describe('the metadata of a volume group', () => {
  it('says where the volumes are that are in one piece', () => {
    expect(read(text)?.group).toMatchObject({
      name: 'vg0',
      sequence: 7,
      isWhole: true,
      volumes: [
        { name: 'root', place: { member: 'pv1', offset: 1_048_576 + 3 * 4_194_304 } },
        { name: 'home', place: undefined },
        { name: 'fast', place: undefined },
        { name: 'thin', place: undefined },
        { name: 'lost', place: undefined },
      ],
    });
  });

  it('is told from a capture of it as well, which keeps nothing else', () => {
    const bytes = Buffer.from(text, 'latin1');
    const kept = Buffer.alloc(bytes.length);
    for (const [from, to] of recognise({ offset: 0, bytes }).known)
      bytes.copy(kept, from, from, to);
    kept[kept.indexOf(0)] = 1;
    expect(read(kept.toString('latin1'))?.group).toEqual(read(text)?.group);
    for (const secret of ['admin-host', 'lvcreate', 'by-hand', 'LVIDLV']) {
      expect(text).toContain(secret);
      expect(kept.toString('latin1')).not.toContain(secret);
    }
  });

  it('gives the names that people chose', () => {
    const bytes = Buffer.from(text, 'latin1');
    const names = recognise({ offset: 0, bytes }).names.map(([from, to]) => text.slice(from, to));
    expect(names).toEqual(['vg0', 'root', 'home', 'fast', 'lvol0_pmspare', 'thin', 'lost']);
  });

  it('is not whole where it is cut', () => {
    const cut = read(text.slice(0, text.indexOf('home')))?.group;
    expect(cut).toMatchObject({ isWhole: false, volumes: [{ name: 'root' }] });
  });

  it.each([
    ['names without end', `vg {${'a'.repeat(131_072)}`],
    ['lists without end', `vg {\n${'a = ['.repeat(26_000)}`],
    ['sections without end', `vg {\n${'a {'.repeat(40_000)}`],
  ])('of %s is given up soon', (_, hostile) => {
    const began = performance.now();
    expect(read(hostile)).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
