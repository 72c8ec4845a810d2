import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blankUndecoded, identifyingStrings } from '../../src/capture/redact-dmi.ts';
import { parseStructures } from '../../src/probes/smbios/structures.ts';
import { structure, table } from '../probes/smbios/smbios-table.ts';

/** A probe's view of a table: each structure's type, handle, bytes and strings, and its wholeness. */
function seen(bytes: Uint8Array): unknown {
  const { structures, complete } = parseStructures(bytes);
  return { complete, structures: structures.map(({ type, handle }) => [type, handle]) };
}

const strings = fc.array(fc.constantFrom('ACME', 'S1', 'a longer text', 'x'), { maxLength: 3 });
const area = fc.record({ 4: fc.nat(255), 5: fc.nat(255), 16: fc.nat(3) });
const someTable = fc
  .array(fc.tuple(fc.constantFrom(0, 1, 2, 11, 17, 42, 127, 200), area, strings), { maxLength: 6 })
  .map((parts) => Buffer.concat(parts.map((part) => structure(...part))));

describe('a redacted SMBIOS table', () => {
  it('has the structures of the original, whole, cut anywhere and with bytes after its end', () => {
    fc.assert(
      fc.property(someTable, fc.nat(400), fc.uint8Array({ maxLength: 9 }), (whole, cut, tail) => {
        for (const bytes of [whole, whole.subarray(0, cut), Buffer.concat([whole, tail])]) {
          const blanked = blankUndecoded(new Uint8Array(bytes));
          expect(blanked.length).toBe(bytes.length);
          expect(seen(blanked)).toEqual(seen(new Uint8Array(bytes)));
        }
      }),
    );
  });

  it('has nothing of what no probe decodes, nor of what comes after the end mark or a cut', () => {
    const oem = structure(11, { 4: 1 }, ['Tag SECRET']);
    const whole = table(oem, structure(1, { 4: 1, 7: 2 }, ['ACME', 'S1']));
    const text = (bytes: Uint8Array): string =>
      Buffer.from(blankUndecoded(bytes)).toString('latin1');
    expect(text(whole)).not.toContain('SECRET');
    expect(text(whole)).toContain('ACME');
    expect(text(Buffer.concat([whole, Buffer.from('SECRET')]))).not.toContain('SECRET');
    expect(
      text(Buffer.from(structure(1, { 4: 1 }, ['ACME', 'SECRET']).slice(0, -2))),
    ).not.toContain('SECRET');
    expect(identifyingStrings(whole)).toEqual(['S1']);
  });
});
