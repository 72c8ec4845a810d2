// Boot routes: the iPXE script for a machine, by the state of its record, and the kernel and initramfs it
// names. They are public, because firmware has no token.
import { join } from 'node:path';
import { Type } from 'typebox';
import { AppError } from '../../../core/errors.ts';
import { isJunkMac, normalizeBootMac } from '../../../identity/macs.ts';
import type { Machine } from '../../../model/machine.ts';
import { seenByBoot } from '../../http/requests/addresses.ts';
import { bootFolders, isBootFile, missingBootFiles } from '../../http/boot/boot-files.ts';
import {
  agentScript,
  isPlain,
  localDiskScript,
  startScript,
} from '../../../netboot/boot-script.ts';
import { loaderFiles } from '../../../netboot/dhcp/clients.ts';
import { longestAppend } from '../../../netboot/kernel-line.ts';
import { bootChoices } from '../../machines/boot-settings.ts';
import { bootFor } from '../../machines/decision.ts';
import { noteBoot, noteSentToDisk } from '../../machines/local-boots.ts';
import type { BootDecision } from '../../rules/decide.ts';
import type { App, Services } from '../../services.ts';
import { errors } from '../route.ts';

/** The files for each architecture. Only an agent with a workflow fetches the tools. */
const files: ReadonlySet<string> = new Set(['kernel', 'initramfs', 'tools']);
/** The files that UEFI's HTTP boot fetches. */
const loaders: ReadonlySet<string> = new Set(loaderFiles);

/** "false" leaves `dragonfly.mode` out of boot scripts. */
const modeSetting = 'boot.mode_parameter';

const agentName = /^dragonfly-agent\//;
const asAgent: BootDecision = { boots: 'agent', workflowId: null };

const Script = Type.String({ description: 'an iPXE script' });

export async function bootRoutes(app: App, s: Services): Promise<void> {
  const { dir, append = '' } = s.boot;
  refuseUnfit(append);
  const missing = dir === undefined ? [] : await missingBootFiles(dir);
  if (missing.length > 0) {
    s.log.warn({ missing }, 'machines cannot boot yet: the boot directory lacks these files');
  }

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
      const mac = normalizeBootMac(request.params.mac);
      if (mac === undefined || isJunkMac(mac)) {
        throw new AppError(
          'request.invalid',
          'ask for a boot script by MAC address: /boot/aa-bb-cc-dd-ee-ff',
        );
      }
      const machine = await machineWith(s, mac);
      // An agent whose secret lapsed asks for another; nothing boots.
      const isAgent = agentName.test(request.headers['user-agent'] ?? '');
      const { boots, workflowId } = isAgent ? asAgent : await bootOf(s, machine);
      const choices = await bootChoices(s.store, machine);
      if (boots === 'disk') return answerScript(reply, localDiskScript(choices.localBoot));
      const text = agentScript({
        ...seenByBoot(s, request),
        mac,
        workflowId: workflowId ?? undefined,
        token: s.auth.enrolsBoots ? await s.auth.boots.issue(mac) : undefined,
        namesMode: (await s.store.settings.get(modeSetting))?.value.value !== 'false',
        now: s.clock.now(),
        ...choices,
        append: [{ from: '--boot-append', text: append }, ...choices.append],
      });
      return answerScript(reply, text);
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

/** Decides what a machine boots. An unknown machine, or one whose MAC several have, boots the agent, which
 *  finds out more. */
async function bootOf(s: Services, found: Machine | undefined): Promise<BootDecision> {
  if (found === undefined) return asAgent;
  const machine = await noteBoot(s, found);
  const boot = await bootFor(s, machine);
  if (boot.boots === 'disk') await noteSentToDisk(s, machine, null);
  return boot;
}

async function machineWith(s: Services, mac: string): Promise<Machine | undefined> {
  const primary = await s.store.machines.byMac(mac);
  if (primary !== undefined) return primary.value;
  const [sighting] = await s.store.machines.find([{ mac }], 2);
  const [id, another] = sighting?.machineIds ?? [];
  if (id === undefined || another !== undefined) return undefined;
  return (await s.store.machines.get(id))?.value;
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
