export function start() {}
start();
