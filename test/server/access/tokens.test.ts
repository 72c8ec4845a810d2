// The secrets of tokens, for many of which random bytes are drawn at once.
import { describe, expect, it } from 'vitest';
import { grantToken } from '../../../src/server/access/tokens.ts';
import { benchMachine } from '../../../bench/load/store-machines.ts';

describe('the secrets of tokens', () => {
  it('are 256 bits each, and no two share a part', () => {
    const machine = benchMachine(1);
    const tokens = Array.from(
      { length: 400 },
      () => grantToken(machine, undefined, new Date()).token,
    );
    const secrets = tokens.map((token) => token.slice(`dfm_${machine.id}_`.length));
    for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const quarters = secrets.flatMap((secret) => secret.match(/.{10}/g) ?? []);
    expect(quarters).toHaveLength(4 * tokens.length);
    expect(new Set(quarters).size).toBe(quarters.length);
  });
});
