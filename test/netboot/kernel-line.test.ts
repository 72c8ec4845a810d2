import { describe, expect, it } from 'vitest';
import { kernelLine, longestAppend } from '../../src/netboot/kernel-line.ts';

const own = ['panic=60', 'dragonfly.url=http://192.0.2.1:3000'];

describe('the kernel line', () => {
  it('has the parameters of operators last, where they count', () => {
    const { line } = kernelLine(own, [
      { from: '--boot-append', text: ' console=ttyS0  ' },
      { from: 'boot.append', text: 'panic=10' },
    ]);
    expect(line).toBe('panic=60 dragonfly.url=http://192.0.2.1:3000 console=ttyS0 panic=10');
  });

  it('leaves out what Linux would cut off, never what the server says itself', () => {
    const long = (from: string): { from: string; text: string } => ({
      from,
      text: 'x'.repeat(longestAppend),
    });
    const { line, leftOut } = kernelLine(own, [
      long('--boot-append'),
      long('boot.append'),
      { from: 'boot.append.tag.serial', text: 'console=ttyS1' },
    ]);
    expect(leftOut).toEqual(['boot.append']);
    expect(line.length).toBeLessThanOrEqual(2047);
    expect(line.startsWith(own.join(' '))).toBe(true);
    expect(line.endsWith(' console=ttyS1')).toBe(true);
  });
});
