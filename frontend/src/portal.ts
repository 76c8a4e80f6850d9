// The portal's script. Every main path works without it.
import { start } from "./common";
import { keep } from "./report/keep";
import { positions } from "./report/place";

start();
positions();
keep();
if (document.querySelector("[data-offline]")) void import("./report/offline").then(({ offline }) => offline());
