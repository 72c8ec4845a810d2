// Installs a Debian system on new file systems, its boot loader last: until that is there, nothing on the
// disk boots.
import { AppError } from '../../core/errors.ts';
import type { Tree } from '../../sources/writing/tree.ts';
import type { ActionContext } from '../action.ts';
import { enter, type Environment } from '../disk/environment.ts';
import { readInfo } from '../disk/partition-info.ts';
import { withSystem } from '../disk/system.ts';
import { writeOut } from '../disk/write-out.ts';
import { bootPackages, fileList, fstab, grubInstall, kernelPackage, type Target } from './files.ts';

export interface SystemToInstall {
  readonly disk: string;
  readonly suite: string;
  readonly mirror: string | undefined;
  readonly packages: readonly string[];
  readonly root: { readonly number: number; readonly device: string };
  readonly esp: { readonly device: string } | undefined;
}

export interface InstalledSystem {
  /** "Debian GNU/Linux 12 (bookworm)" */
  readonly system: string;
  /** "vmlinuz-6.1.0-37-amd64" */
  readonly kernel: string;
  readonly root_uuid: string;
}

/** Its process namespace: programs that it started end with it. */
const apart = ['--pid', '--fork', '--kill-child', '--mount-proc'];

/** Errors: AppError `exec.*`, `tree.failed`, `disk.*`, or the signal's reason. */
export async function installSystem(
  given: SystemToInstall,
  context: ActionContext,
): Promise<InstalledSystem> {
  const { host, signal, note } = context;
  const options = { signal, note, onLine: note };
  const tell = (percent: number, message: string): void => context.progress({ percent, message });
  const where = { partition: given.root.number };
  const install = withSystem(
    host,
    given.disk,
    where,
    options,
    async (mounted) => {
      const { space, place, tree } = mounted;
      tell(3, `${given.suite}: base system`);
      const mirror = given.mirror === undefined ? [] : [given.mirror];
      const how = ['--variant=minbase', '--force-check-gpg', '--include=systemd-sysv'];
      const bootstrap = ['debootstrap', ...how, given.suite, place, ...mirror];
      await space.run('unshare', [...apart, '--', ...bootstrap], {
        ...options,
        name: 'debootstrap',
      });
      await writeFiles(given, tree, context);
      await space.run('mkdir', ['-p', `${place}/boot/efi`], options);
      // The name servers of each boot, by systemd-resolved.
      const link = ['-snf', '../run/systemd/resolve/stub-resolv.conf', `${place}/etc/resolv.conf`];
      await space.run('ln', link, options);
      return await enter(host, given.disk, mounted, options, (environment) =>
        finish(given, environment, context, tell),
      );
    },
    'programs',
  );
  const installed = await install;
  await writeOut(given.disk, context);
  return installed;
}

async function writeFiles(
  { root, esp }: SystemToInstall,
  tree: Tree,
  { host, signal }: ActionContext,
): Promise<void> {
  const uuid = async (device: string): Promise<string> => {
    const found = (await readInfo(host, device, { signal })).uuid;
    if (found !== undefined) return found;
    throw new AppError('disk.damaged', `${device} has no file system after it was made`);
  };
  const mounts = {
    root: await uuid(root.device),
    esp: esp === undefined ? undefined : await uuid(esp.device),
  };
  const name = (await host.root.text('/proc/sys/kernel/hostname'))?.trim();
  const commandLine = (await host.root.text('/proc/cmdline')) ?? '';
  await tree.write('/etc/fstab', Buffer.from(fstab(mounts)));
  for (const { path, content, mode } of fileList(name, commandLine)) {
    await tree.write(path, Buffer.from(content), { mode });
  }
}

async function finish(
  given: SystemToInstall,
  { run: inside, mounted }: Environment,
  { signal, note }: ActionContext,
  tell: (percent: number, message: string) => void,
): Promise<InstalledSystem> {
  const { tree, info } = mounted;
  const options = { signal, onLine: note };
  const release = (await tree.text('/etc/os-release')) ?? '';
  const arch = (await inside('dpkg', ['--print-architecture'], options)).trim();
  const target: Target = {
    id: /^ID=(.*)$/m.exec(release)?.[1] ?? '',
    arch,
    isUefi: given.esp !== undefined,
  };
  const apt = (...args: string[]): Promise<string> =>
    inside('apt-get', ['-q', '-y', '-o', 'DPkg::Options::=--force-unsafe-io', ...args], options);
  tell(30, 'kernel');
  await apt('update');
  const resolved = await inside(
    'apt-cache',
    ['search', '--names-only', '^systemd-resolved$'],
    options,
  );
  const network = resolved.trim() === '' ? [] : ['systemd-resolved'];
  await apt('install', '--no-install-recommends', kernelPackage(target), ...network);
  tell(60, 'packages');
  await apt('install', '--no-install-recommends', ...bootPackages(target), ...given.packages);
  await apt('clean');
  await inside('systemctl', ['enable', 'systemd-networkd', 'systemd-resolved'], options);
  await inside('rm', ['-f', '/usr/sbin/policy-rc.d'], options);
  tell(90, 'boot loader');
  await updateGrub(inside, info.device, info.uuid ?? '', options);
  const config = await tree.text('/boot/grub/grub.cfg');
  const [, kernel] = /\/(vmlinuz-\S+) root=UUID=/.exec(config ?? '') ?? [];
  if (kernel === undefined || config?.includes(`root=UUID=${info.uuid ?? ''}`) !== true) {
    throw new AppError('action.failed', 'GRUB was not configured to start the installed kernel');
  }
  await inside('grub-install', grubInstall(target, given.disk), options);
  const [, system = given.suite] = /^PRETTY_NAME="?([^"\n]*)/m.exec(release) ?? [];
  return { system, kernel, root_uuid: info.uuid ?? '' };
}

/** GRUB names the root by its UUID only where it finds udev's link for it, and a netboot image has no
 *  udev. */
async function updateGrub(
  inside: Environment['run'],
  device: string,
  uuid: string,
  options: Parameters<Environment['run']>[2],
): Promise<void> {
  const script = `link=/dev/disk/by-uuid/$2
    if [ -e "$link" ]; then exec update-grub; fi
    mkdir -p /dev/disk/by-uuid && ln -s "$1" "$link"
    update-grub; code=$?
    rm -f "$link"
    exit $code`;
  await inside('sh', ['-c', script, 'sh', device, uuid], { ...options, name: 'update-grub' });
}
