import { expect, it } from 'vitest';
import { ownAnswer } from '../../../../src/cli/server/serving/own-answer.ts';
import { startServer } from '../../../server/harness.ts';

it('is the text of a route, or why there is none', async () => {
  const { url } = await startServer();
  const { signal } = new AbortController();
  expect(await ownAnswer(`${url}/boot/grub.cfg`, signal)).toContain('source "/boot/grub.cfg?mac=');
  await expect(ownAnswer(`${url}/boot/grub.cfg?mac=x`, signal)).rejects.toThrow(
    'answers 422: {"error":"ask for a boot script by MAC address',
  );
  await expect(ownAnswer(`${url}/boot/grub.cfg`, AbortSignal.abort())).rejects.toThrow('abort');
});
