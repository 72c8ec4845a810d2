import { describe, expect, it } from 'vitest';
import { parseResolvConf } from '../../../src/probes/network/resolv-conf.ts';
import { read } from '../host.ts';

describe('resolv.conf', () => {
  it('gives the name servers in their order and the first domain of the last search', () => {
    const text =
      '# nameserver 9.9.9.9\ndomain old.example\nnameserver 10.0.0.1\n nameserver\tfd00::1\nsearch lab.example example\n';
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['10.0.0.1', 'fd00::1'],
      domain: 'lab.example',
    });
  });

  it('that is empty names none', async () => {
    const files = { '/etc/resolv.conf': '' };
    expect(await read('resolver', files)).toEqual({ nameservers: [], domain: null });
  });
});
