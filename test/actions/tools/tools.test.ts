// The tools image of a netboot image: fetched once, taken only if it is the right one.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { addTools } from '../../../src/actions/tools/tools.ts';
import { MemoryRoot } from '../../probes/memory-root.ts';
import { fileServer, scriptedHost, workplace, type Workplace } from '../workplace.ts';

const tools = Buffer.from('the tools');
const sha256 = createHash('sha256').update(tools).digest('hex');
const mark = JSON.stringify({ version: '0.2.0', arch: 'x86_64', tools_sha256: sha256 });
const path = 'boot/x86_64/tools';

function at(files: Record<string, string>): Workplace & { readonly commands: string[] } {
  const host = scriptedHost(MemoryRoot.of(files), () => '');
  return { ...workplace('/dev/null', { host }), commands: host.commands };
}

describe('the tools image', () => {
  it('is fetched, checked, put in place and mounted, over connections that break', async () => {
    await using server = await fileServer({ [path]: { body: tools, cuts: [3] } });
    const place = at({ '/etc/dragonfly-image': mark });
    await addTools([server.url], place);
    expect(place.commands).toEqual([
      'sh -c cat > "$0" /run/dragonfly/tools.squashfs < the tools',
      '/lib/dragonfly/tools /run/dragonfly/tools.squashfs',
    ]);
    expect(server.requests).toEqual([path, `${path} bytes=3-`]);
  });

  it('is taken from another server where the first one has none, or another one', async () => {
    await using none = await fileServer({});
    await using other = await fileServer({ [path]: { body: Buffer.from('of another build') } });
    await using right = await fileServer({ [path]: { body: tools } });
    const place = at({ '/etc/dragonfly-image': mark });
    await addTools([none.url, other.url, right.url], place);
    expect(place.commands).toHaveLength(2);
  });

  it('is refused when it is not the one that the netboot image was made with', async () => {
    await using server = await fileServer({ [path]: { body: Buffer.from('of another build') } });
    const place = at({ '/etc/dragonfly-image': mark });
    await expect(addTools([server.url], place)).rejects.toMatchObject({ code: 'image.damaged' });
    expect(place.commands).toEqual([]);
  });

  it.each([
    ['on an installed system', {}],
    ['in an image without one', { '/etc/dragonfly-image': '{"version":"0.1.0"}' }],
    ['where it is mounted already', { '/etc/dragonfly-image': mark, '/tools/usr/bin/xz': '' }],
    ['in an image whose mark is damaged', { '/etc/dragonfly-image': '{' }],
  ])('is not asked for %s', async (_where, files) => {
    await using server = await fileServer({ [path]: { body: tools } });
    const place = at(files);
    await addTools([server.url], place);
    expect([server.requests, place.commands]).toEqual([[], []]);
  });
});
