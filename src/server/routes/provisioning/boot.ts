// Boot routes: the script for a machine, iPXE's or GRUB's, by the state of its record, and the kernel and initramfs
// it names. They are public, because firmware has no token.
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import { isJunkMac, normalizeBootMac } from '../../../identity/macs.ts';
import { seenByBoot } from '../../http/requests/addresses.ts';
import {
  bootFolders,
  isBootFile,
  missingBootFiles,
  readBootFile,
} from '../../http/boot/boot-files.ts';
import { SharedFiles } from '../../http/boot/shared-files.ts';
import { isPlain } from '../../../netboot/boot-parameters.ts';
import { ipxeScript, startScript } from '../../../netboot/boot-script.ts';
import { loaderFiles, localLoaders } from '../../../netboot/dhcp/clients.ts';
import { grubScript, grubStartScript } from '../../../netboot/grub-script.ts';
import { longestAppend } from '../../../netboot/kernel-line.ts';
import { bootChoices } from '../../machines/boot-settings.ts';
import { planBoot } from '../../machines/boot-plan.ts';
import type { App, Services } from '../../services.ts';
import { errors } from '../route.ts';

/** The files for each architecture. Only an agent with a workflow fetches the tools, and only iPXE the loaders. */
const files: ReadonlySet<string> = new Set(['kernel', 'initramfs', 'tools', ...localLoaders]);
/** The files that UEFI's HTTP boot fetches. */
const loaders: ReadonlySet<string> = new Set(loaderFiles);

const agentName = /^dragonfly-agent\//;

const Script = Type.String({ description: 'an iPXE script' });
const GrubScript = Type.String({ description: "a script of GRUB's" });

export async function bootRoutes(app: App, s: Services): Promise<void> {
  const { dir, append = '' } = s.boot;
  refuseUnfit(append);
  const missing = dir === undefined ? [] : await missingBootFiles(dir);
  if (missing.length > 0) {
    s.log.warn({ missing }, 'machines cannot boot yet: the boot directory lacks these files');
  }

  const shared = new SharedFiles(readBootFile);

  app.get(
    '/boot/start.ipxe',
    {
      config: { access: 'public', isForBoots: true },
      schema: {
        tags: ['boot'],
        summary: 'Get the first boot script, which fetches the one for the machine',
        response: { 200: Script, ...errors },
      },
    },
    async (request, reply) => {
      const { giveUpSeconds } = await bootChoices(s.store, undefined);
      return answerScript(reply, startScript(seenByBoot(s, request).filesUrl, giveUpSeconds));
    },
  );

  app.get(
    '/boot/:mac',
    {
      config: { access: 'public', isForBoots: true },
      schema: {
        tags: ['boot'],
        summary: 'Get the iPXE script for the machine with this MAC: the agent, or its local disk',
        params: Type.Object({ mac: Type.String({ maxLength: 64 }) }),
        response: { 200: Script, ...errors },
      },
    },
    async (request, reply) => {
      const mac = bootMac(request.params.mac);
      const isAgent = agentName.test(request.headers['user-agent'] ?? '');
      const boot = await planBoot(s, { ...seenByBoot(s, request), mac, isAgent });
      return answerScript(reply, ipxeScript(boot));
    },
  );

  app.get(
    '/boot/grub.cfg',
    {
      config: { access: 'public', isForBoots: true },
      schema: {
        tags: ['boot'],
        summary:
          "Get GRUB's script for the machine with this MAC, or without one the script that asks for it",
        querystring: Type.Object({ mac: Type.Optional(Type.String({ maxLength: 64 })) }),
        response: { 200: GrubScript, ...errors },
      },
    },
    async (request, reply) => {
      const seen = seenByBoot(s, request);
      if (request.query.mac === undefined) {
        const { giveUpSeconds } = await bootChoices(s.store, undefined);
        return answerScript(reply, grubStartScript(seen.filesUrl, giveUpSeconds));
      }
      const mac = bootMac(request.query.mac);
      return answerScript(reply, grubScript(await planBoot(s, { ...seen, mac, isAgent: false })));
    },
  );

  app.get(
    '/boot/:arch/:file',
    {
      config: { access: 'public', isForBoots: true },
      schema: {
        tags: ['boot'],
        summary:
          'Get the kernel, initramfs, tools image or a loader for an architecture, by its name in iPXE',
        params: Type.Object({
          arch: Type.String({ maxLength: 64 }),
          file: Type.String({ maxLength: 64 }),
        }),
        response: { 200: Type.Any({ description: 'the file; ranges and ETags work' }), ...errors },
      },
      // Headers, ranges and conditions are those of sendFile; a whole file comes from memory.
      onSend: async (request, reply, payload) => {
        if (!(payload instanceof Readable) || reply.statusCode !== 200) return payload;
        if (request.method !== 'GET') return payload;
        const { arch, file } = request.params;
        const path = join(dir ?? '', bootFolders[arch] ?? '', file);
        const [version, size] = [reply.getHeader('etag'), reply.getHeader('content-length')];
        return shared.insteadOf(payload, path, String(version), Number(size));
      },
    },
    async (request, reply) => {
      const { arch, file } = request.params;
      const folder = Object.hasOwn(bootFolders, arch) ? bootFolders[arch] : undefined;
      if (folder === undefined || !(files.has(file) || loaders.has(`${folder}/${file}`))) {
        throw new AppError('route.unknown', `there is no ${arch}/${file} to boot`);
      }
      if (dir === undefined) {
        throw new AppError('boot.no-image', 'this server has no boot image: set --boot-dir');
      }
      if (!(await isBootFile(join(dir, folder, file)))) {
        throw new AppError(
          'boot.no-image',
          `this server has no ${folder}/${file} in its --boot-dir`,
        );
      }
      return reply
        .header('cache-control', 'no-cache')
        .type('application/octet-stream')
        .sendFile(`${folder}/${file}`, dir, { cacheControl: false });
    },
  );
}

function refuseUnfit(append: string): void {
  if (!isPlain(append)) {
    throw new AppError(
      'config.invalid',
      'boot parameters are written into boot scripts: they may hold only letters, digits and .,:;+/=@%~[]_-',
    );
  }
  if (append.length <= longestAppend) return;
  throw new AppError(
    'config.invalid',
    `--boot-append has ${append.length} characters; a kernel takes ${longestAppend} beside the server's own parameters`,
  );
}

/** Errors: AppError `request.invalid` for what is the MAC of no port. */
function bootMac(text: string): string {
  const mac = normalizeBootMac(text);
  if (mac !== undefined && !isJunkMac(mac)) return mac;
  throw new AppError(
    'request.invalid',
    'ask for a boot script by MAC address: /boot/aa-bb-cc-dd-ee-ff',
  );
}

/** Answers a script that nothing on the way may cache: the next boot may get another one. */
function answerScript(
  reply: { header(name: string, value: string): unknown; type(t: string): unknown },
  text: string,
): string {
  reply.header('cache-control', 'no-store');
  reply.type('text/plain; charset=utf-8');
  return text;
}
