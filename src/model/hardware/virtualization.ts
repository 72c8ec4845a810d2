// The virtualization of a machine: its platform and cloud, and the container that its agent may run in.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const Virtualization = Type.Object({
  is_virtual: nullable(
    Type.Boolean({ description: 'null: neither CPU nor firmware said anything' }),
  ),
  virt_platform: nullable(Type.String({ description: 'kvm, vmware, hyperv, xen, …' })),
  cloud: nullable(Type.String({ description: 'amazon, google, azure, …, beside the platform' })),
  container: nullable(Type.String({ description: "docker, lxc, …: the agent's own" })),
});
export type Virtualization = Static<typeof Virtualization>;
