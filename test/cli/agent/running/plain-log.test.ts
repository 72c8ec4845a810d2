import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { plainLog } from '../../../../src/cli/agent/running/plain-log.ts';

async function written(level: string): Promise<string> {
  const out = new PassThrough();
  const log = plainLog(out, level, () => new Date('2026-01-02T03:04:05Z'));
  log.debug({}, 'small');
  log.info({ url: 'http://x:1', n: 2, list: ['a', 'b c'], none: null }, 'a fact');
  log.error({ reason: 'two\nlines "quoted"' }, 'broken');
  out.end();
  return Buffer.concat(await out.toArray()).toString('utf8');
}

describe('plainLog', () => {
  it('writes one line for each fact, whatever is in it', async () => {
    expect(await written('info')).toBe(
      '2026-01-02T03:04:05.000Z INFO a fact url=http://x:1 n=2 list=a,"b c" none=null\n' +
        '2026-01-02T03:04:05.000Z ERROR broken reason="two\\nlines \\"quoted\\""\n',
    );
  });

  it('leaves out what is below its level', async () => {
    expect((await written('error')).split('\n')).toHaveLength(2);
    expect((await written('debug')).split('\n')).toHaveLength(4);
    expect(await written('silent')).toBe('');
  });
});
