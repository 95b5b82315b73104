// What the stand-in's `net` says of the network, set by the parent process.

export const network = { isOnline: true };
