// The remote shell of a netboot image: the tools image first, then its script, with the keys on its input.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { openShell, shutShell } from '../../../src/actions/tools/remote-shell.ts';
import { addTools } from '../../../src/actions/tools/tools.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Root } from '../../../src/sources/root.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';
import { fileServer, scriptedHost, workplace } from '../workplace.ts';

const tools = Buffer.from('the tools');
const tools_sha256 = createHash('sha256').update(tools).digest('hex');
const mark = JSON.stringify({ version: '0.2.0', arch: 'x86_64', tools_sha256 });
const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDWAI3b9Ft0WfAHLUJpURpsMT/FVHfODtUXsm63ma2GU';
const printed = `Public key portion is:\n${hostKey} root@node-7\nFingerprint: SHA256:x\n`;

/** A place whose tools are mounted as soon as the script for that has run. */
function place(servers: readonly string[], prints: string) {
  const root = MemoryRoot.of({ '/etc/dragonfly-image': mark });
  const isMounted = (): boolean =>
    host.commands.some((command) => command.startsWith('/lib/dragonfly/tools'));
  const seen: Root = {
    description: 'memory',
    text: (path) => root.text(path),
    bytes: (path) => root.bytes(path),
    link: (path) => root.link(path),
    exec: async () => undefined,
    list: async (path) => (path === '/tools/usr' && isMounted() ? ['bin'] : root.list(path)),
  };
  const host = scriptedHost(seen, (command) => (command.endsWith(' open') ? prints : ''));
  const { ask, random, signal, note } = workplace('/dev/null');
  return { root: seen, host, clock: systemClock, servers, ask, random, signal, note };
}

it('opens with the keys alone and gives the host key', async () => {
  await using server = await fileServer({ 'boot/x86_64/tools': { body: tools } });
  const here = place([server.url], printed);
  expect(await openShell(['ssh-ed25519 one', 'ssh-rsa two'], here)).toEqual({
    host_key: hostKey,
    port: 22,
  });
  await shutShell(here);
  expect(here.host.commands.slice(2)).toEqual([
    '/lib/dragonfly/remote-shell open < ssh-ed25519 one\nssh-rsa two\n',
    '/lib/dragonfly/remote-shell shut',
  ]);
});

it('fails where no host key is printed', async () => {
  await using server = await fileServer({ 'boot/x86_64/tools': { body: tools } });
  await expect(openShell(['a'], place([server.url], ''))).rejects.toMatchObject({
    code: 'exec.failed',
  });
});

it('a workflow and the shell that want the tools at once fetch and mount them once', async () => {
  await using server = await fileServer({ 'boot/x86_64/tools': { body: tools } });
  const here = place([server.url], printed);
  const context = { ...workplace('/dev/null'), host: here.host };
  await Promise.all([openShell(['a'], here), addTools([server.url], context)]);
  expect(server.requests).toHaveLength(1);
});

it('a workflow that is stopped does not wait for the shell, whose server gives no answer', async () => {
  const asked = Promise.withResolvers<void>();
  const before = (): boolean => {
    asked.resolve();
    return true;
  };
  await using server = await fileServer({ 'boot/x86_64/tools': { body: tools, before } });
  const [shell, workflow] = [new AbortController(), new AbortController()];
  const here = place([server.url], printed);
  const opening = openShell(['a'], { ...here, signal: shell.signal });
  await asked.promise;
  const context = { ...workplace('/dev/null'), host: here.host, signal: workflow.signal };
  const added = addTools([server.url], context);
  workflow.abort(new Error('cancelled'));
  await expect(added).rejects.toThrow('cancelled');
  shell.abort(new Error('the agent ends'));
  await expect(opening).rejects.toThrow('the agent ends');
  await expect(addTools([server.url], context)).rejects.toThrow('cancelled');
  expect(server.requests).toHaveLength(1);
});
