-- wrk script: `depth` requests at once.   wrk -s pipeline.lua URL -- DEPTH
init = function(args)
   local requests = {}
   for i = 1, tonumber(args[1]) do
      requests[i] = wrk.format(nil)
   end
   all = table.concat(requests)
end

request = function()
   return all
end
