import { describe, expect, it } from 'vitest';
import { checkHints, isByName, matches } from '../../../../src/server/rules/plan/hints.ts';

const disk = {
  device: '/dev/sda',
  size_bytes: 480_103_981_056,
  model: 'SAMSUNG MZ7L3480',
  serial: 'S6KLNX0T1',
  wwn: 'naa.5002538F42A1B2C3',
  type: 'ssd',
  vendor: 'ATA',
  hctl: '2:0:0:0',
  by_path: 'pci-0000:00:17.0-ata-1',
};

describe('a root device hint', () => {
  it.each([
    [{ serial: 'S6KLNX0T1' }, true],
    [{ serial: 's6klnx0t1' }, true],
    [{ serial: 's!= S6KLNX0T1' }, false],
    [{ serial: '<or> S1 <or> S6KLNX0T1' }, true],
    [{ serial: '<or> S1 <or> S2' }, false],
    [{ model: '<in> samsung' }, true],
    [{ model: 'MZ7L3480' }, false],
    [{ model: '<all-in> samsung mz7' }, true],
    [{ model: '<all-in> samsung hdd' }, false],
    [{ model: '<or> <in> intel <or> <in> samsung' }, true],
    [{ vendor: 'samsung' }, true],
    [{ hctl: '2:0:0:0' }, true],
    [{ hctl: '3:0:0:0' }, false],
    [{ by_path: '/dev/disk/by-path/pci-0000:00:17.0-ata-1' }, true],
    [{ by_path: 'pci-0000:00:17.0-ata-1.0' }, true],
    [{ by_path: 'pci-0000:00:17.0-ata-1.1' }, false],
    [{ name: '/dev/sda' }, true],
    [{ wwn: '0x5002538f42a1b2c3' }, true],
    [{ wwn: '5002538f42a1b2c4' }, false],
    [{ size: 447 }, true],
    [{ size: '>= 400' }, true],
    [{ size: '<= 400' }, false],
    [{ size: '= 400' }, true],
    [{ size: '<or> 100 <or> 447' }, true],
    [{ rotational: false }, true],
    [{ rotational: 'true' }, false],
    [{ size: '>= 400', serial: 'S1' }, false],
  ])('%j: %s', (hints, expected) => {
    expect(matches(hints, disk)).toBe(expected);
  });

  it('that asks for what the machine did not tell is not answered', () => {
    const told = { device: '/dev/sda', size_bytes: 1, model: null, serial: null };
    expect(matches({ serial: 'S1' }, told)).toBeUndefined();
    expect(matches({ rotational: false }, told)).toBeUndefined();
    expect(matches({ by_path: 'x' }, told)).toBeUndefined();
    expect(matches({ vendor: 'HGST' }, { ...told, vendor: 'HGST' })).toBe(true);
    expect(matches({ serial: 'S1', size: 5 }, told)).toBe(false);
  });

  it.each([
    [{ colour: 'red' }, '"colour" is not a hint'],
    [{ __proto__x: 1 }, 'is not a hint'],
    [{ constructor: 'x' }, '"constructor" is not a hint'],
    [{ size: 'big' }, 'a number of GiB'],
    [{ size: '>=' }, 'a number of GiB'],
    [{ size: '' }, 'a number of GiB'],
    [{ rotational: 'maybe' }, 'true or false'],
    [{ serial: '>= 5' }, '"serial" is text'],
    [{ serial: '' }, 'names nothing'],
    [{ model: '<range-in> [ 1 2 ]' }, 'the operator is none'],
    [{ model: '<any> samsung' }, 'the operator is none'],
    [{ serial: 's==' }, 'compares with nothing'],
    [{ wwn_with_extension: 'x' }, 'cannot be answered'],
    [{}, 'names nothing'],
  ])('%j is refused: %s', (hints, message) => {
    expect(() => checkHints(hints)).toThrow(message);
  });

  it('names a disk only by its exact serial or WWN', () => {
    expect(isByName({ serial: 'S1' })).toBe(true);
    expect(isByName({ wwn: 's== 5002' })).toBe(true);
    expect(isByName({ serial: '<in> S' })).toBe(false);
    expect(isByName({ serial: '<or> S1 <or> S2' })).toBe(false);
    expect(isByName({ model: 'x', size: 5 })).toBe(false);
  });
});
