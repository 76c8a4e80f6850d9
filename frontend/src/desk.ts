// The desk's script.
import { start } from "./common";
import { keys } from "./keys";
import { panes } from "./panes";

start();
keys();
panes();
