// The names of the variables that a template may have.

/** The variables that operators set for all machines as "template.<name>". */
export const fleetVariableNames = [
  'default_user',
  'default_password',
  'ssh_authorized_keys',
  'ssh_import_id',
  'ssh_pwauth',
] as const;

/** Every variable. */
export const variableNames = [
  'server',
  'server_ca',
  'phone_home_url',
  'hostname',
  'instance_id',
  'friendly_name',
  'network_config_cloudinit',
  ...fleetVariableNames,
] as const;
