// Findings about drives that the kernel knows and that are no usable disk: without a namespace, behind a dead
// controller or port, or given up on.
import type { Reading } from '../probes/reading.ts';
import { warn, type Finding } from './finding.ts';

export async function hiddenDiskFindings(read: Reading): Promise<Finding[]> {
  const found = await Promise.all([
    nvmeFindings(read),
    ataFindings(read),
    phyFindings(read),
    scsiFindings(read),
  ]);
  return found.flat();
}

const nvme = '/sys/class/nvme';

/** Source: /sys/class/nvme/nvmeN: `state`, `model`, and the namespaces in it. */
async function nvmeFindings(read: Reading): Promise<Finding[]> {
  const names = ((await read.list(nvme)) ?? []).filter((name) => /^nvme\d+$/.test(name));
  const findings = await Promise.all(
    names.map(async (name) => {
      const dir = `${nvme}/${name}`;
      const [state, model, entries = []] = await Promise.all([
        read.value(`${dir}/state`),
        read.value(`${dir}/model`),
        read.list(dir),
      ]);
      const drive = `${name} (${model ?? 'model not known'})`;
      if (state !== undefined && state !== 'live') {
        const next = 'power the machine off and on; if it stays so, check slot, cable and drive';
        return [warn('NVMe drive', `${drive} does not answer: its state is "${state}"`, next)];
      }
      if (entries.some((entry) => /^nvme\d+(c\d+)?n\d+$/.test(entry))) return [];
      const next = `make one and attach it: nvme create-ns /dev/${name}, nvme attach-ns /dev/${name}`;
      return [warn('NVMe drive', `${drive} has no namespace, so it shows no disk`, next)];
    }),
  );
  return findings.flat();
}

const ata = '/sys/class/ata_device';

/** Disks that the SATA layer found and then gave up on: the device is of class "ata", and its port has no
 *  block device. Source: kernel drivers/ata/libata-transport.c. */
async function ataFindings(read: Reading): Promise<Finding[]> {
  const names = (await read.list(ata)) ?? [];
  if (names.length === 0) return [];
  const disks = (await read.list('/sys/block')) ?? [];
  const places = await Promise.all(disks.map((name) => read.link(`/sys/block/${name}`)));
  const findings = await Promise.all(
    names.map(async (name) => {
      const [kind, place] = await Promise.all([
        read.value(`${ata}/${name}/class`),
        read.link(`${ata}/${name}`),
      ]);
      const port = /\/ata\d+\//.exec(place ?? '')?.[0];
      if (kind !== 'ata' || port === undefined) return [];
      if (places.some((disk) => disk?.includes(port))) return [];
      const text = `a disk at SATA port ${port.slice(1, -1)} was found and given up on`;
      return [warn('SATA disk', text, 'check its cable and power; dmesg names the errors')];
    }),
  );
  return findings.flat();
}

const phys = '/sys/class/sas_phy';

/** Source: kernel drivers/scsi/scsi_transport_sas.c, `negotiated_linkrate`. A port without a disk says
 *  "Unknown". */
async function phyFindings(read: Reading): Promise<Finding[]> {
  const names = (await read.list(phys)) ?? [];
  const rates = await Promise.all(
    names.map((name) => read.value(`${phys}/${name}/negotiated_linkrate`)),
  );
  return names.flatMap((name, i) => {
    const rate = rates[i] ?? '';
    if (!/disabled|failed|spin-up hold|reset problem/i.test(rate)) return [];
    const text = `the SAS port ${name} is dead ("${rate}"): a disk behind it does not show`;
    return [
      warn(
        'SAS port',
        text,
        "check cable, backplane and disk; the controller's tool enables a port",
      ),
    ];
  });
}

/** Source: `state` of a SCSI device: running, or offline, transport-offline, blocked. */
async function scsiFindings(read: Reading): Promise<Finding[]> {
  const names = ((await read.list('/sys/block')) ?? []).filter((name) => /^sd[a-z]+$/.test(name));
  const states = await Promise.all(
    names.map((name) => read.value(`/sys/block/${name}/device/state`)),
  );
  return names.flatMap((name, i) => {
    const state = states[i];
    if (state === undefined || state === 'running' || state === 'created') return [];
    const text = `/dev/${name} does not answer: its state is "${state}"`;
    return [warn('disk', text, 'check its cable, path and power; dmesg names the errors')];
  });
}
