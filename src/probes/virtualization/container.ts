// Recognises the container that the agent runs in, if any. Never decides what the machine is.
import type { Reading } from '../reading.ts';

export interface ContainerEvidence {
  /** The files at "/" and in /run that container engines leave. */
  hasDockerEnv: boolean;
  hasContainerEnv: boolean;
  /** /run/systemd/container */
  systemd: string | undefined;
  /** /proc/1/environ */
  environ: string | undefined;
  /** /proc/self/cgroup */
  cgroup: string | undefined;
  /** /proc/self/mountinfo: with version 2 of cgroups a pod sees no name of its own. */
  mounts: string | undefined;
  /** /proc/self/status */
  status: string | undefined;
  /** OpenVZ shows bean counters only on the host. */
  isInVz: boolean;
  kernel: string | undefined;
}

export async function readContainerEvidence(read: Reading): Promise<ContainerEvidence> {
  // Not /proc itself, which lists every process.
  const [top, run, vz, beanCounters] = await Promise.all([
    read.list('/'),
    read.list('/run'),
    read.list('/proc/vz'),
    read.list('/proc/bc'),
  ]);
  const [systemd, mounts, cgroup, status, kernel] = await Promise.all([
    read.value('/run/systemd/container'),
    read.quietly().text('/proc/self/mountinfo'),
    read.text('/proc/self/cgroup'),
    read.text('/proc/self/status'),
    read.text('/proc/version'),
  ]);
  return {
    hasDockerEnv: top?.includes('.dockerenv') === true,
    hasContainerEnv: run?.includes('.containerenv') === true,
    systemd,
    mounts,
    environ: await readEnviron(read),
    cgroup,
    status,
    isInVz: vz !== undefined && vz.length > 0 && beanCounters?.length === 0,
    kernel,
  };
}

/** Other users' environments are private; that is not a problem. */
async function readEnviron(read: Reading): Promise<string | undefined> {
  return await read.root.text('/proc/1/environ').catch(() => undefined);
}

/** "docker", "podman", "lxc", …; null without any sign of a container. */
export function detectContainer(evidence: ContainerEvidence): string | null {
  if (evidence.isInVz) return 'openvz';
  if (/^VxID:\s*[1-9]/m.test(evidence.status ?? '')) return 'vserver';
  if (evidence.kernel?.includes('BrandZ') === true) return 'illumos-lx';
  const named = evidence.systemd ?? environVariable(evidence.environ ?? '', 'container');
  if (named !== undefined && named !== '') return named;
  if (evidence.hasContainerEnv) return 'podman';
  if (evidence.hasDockerEnv) return 'docker';
  if (environVariable(evidence.environ ?? '', 'KUBERNETES_SERVICE_HOST') !== undefined) {
    return 'kubernetes';
  }
  return fromMounts(evidence.mounts ?? '') ?? fromCgroup(evidence.cgroup ?? '');
}

/** Engines by the layers of a container's root. */
const layers: readonly (readonly [RegExp, string])[] = [
  [/\/containers\/storage\/overlay/, 'podman'],
  [/\/docker\/(?:overlay2|rootfs)\//, 'docker'],
  [/\/io\.containerd\.snapshotter/, 'containerd'],
];

/** A pod by its hosts file; other containers by their own root, as a host has those of all its containers
 *  mounted, and what its pods mount. Source: proc_pid_mountinfo(5): id, parent, device, root, mount point. */
function fromMounts(text: string): string | null {
  const mounts = text.split('\n').map((line) => ({ line, at: line.split(' ')[4] }));
  const files = mounts.filter(({ at }) =>
    /^\/etc\/(?:hosts|hostname|resolv\.conf)$/.test(at ?? ''),
  );
  if (files.some(({ line }) => line.includes('/kubelet/pods/'))) return 'kubernetes';
  const root = mounts.findLast(({ at }) => at === '/')?.line ?? '';
  return layers.find(([layer]) => layer.test(root))?.[1] ?? null;
}

function environVariable(environ: string, name: string): string | undefined {
  const prefix = `${name}=`;
  // Some captures store them one to a line.
  const found = environ.split(/[\0\n]/).find((entry) => entry.startsWith(prefix));
  return found?.slice(prefix.length);
}

function fromCgroup(cgroup: string): string | null {
  if (/\/libpod[-_]/.test(cgroup)) return 'podman';
  if (/\/kubepods[./]/.test(cgroup)) return 'kubernetes';
  if (/\/docker(?:\/|-[0-9a-f]{64})/.test(cgroup)) return 'docker';
  return /\/lxc[./]/.test(cgroup) ? 'lxc' : null;
}
